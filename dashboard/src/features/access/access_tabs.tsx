import { Link } from 'wouter-preact';
import { text } from '../../text/text';

export function AccessTabs({ here }: { here: 'users' | 'groups' | 'audit' }) {
  const words = text.value.access.tabs;
  const tab = (name: 'users' | 'groups' | 'audit') => (
    <Link href={`/${name}`} aria-current={here === name ? 'page' : undefined}>
      {words[name]}
    </Link>
  );
  return (
    <nav class="tabs" aria-label={words.label}>
      {tab('users')}
      {tab('groups')}
      {tab('audit')}
    </nav>
  );
}
