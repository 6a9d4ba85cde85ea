import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app/app';
import { Services, ServicesContext } from './app/services';
import { language } from './text/text';
import { applyTheme } from './ui/theme';
import './ui/tokens.css';
import './ui/base.css';
import './ui/parts.css';
import './features/pages.css';

applyTheme();
effect(() => {
  document.documentElement.lang = language.value;
});

const services = new Services();
const root = document.getElementById('app');
if (root) {
  render(
    <ServicesContext.Provider value={services}>
      <App />
    </ServicesContext.Provider>,
    root,
  );
}
void services.begin();
