import { Link } from 'wouter-preact';
import { text } from '../../text/text';

export function AlertTabs({ here, firing }: { here: 'firing' | 'resolved' | 'rules'; firing: number }) {
  const words = text.value.alerts;
  const tab = (href: string, label: string, isHere: boolean) => (
    <Link href={href} aria-current={isHere ? 'page' : undefined}>
      {label}
    </Link>
  );
  return (
    <nav class="tabs" aria-label={words.tabs}>
      {tab('/alerts', firing > 0 ? `${words.firing} (${firing})` : words.firing, here === 'firing')}
      {tab('/alerts?state=resolved', words.history, here === 'resolved')}
      {tab('/alerts/rules', words.rules, here === 'rules')}
    </nav>
  );
}
