import type { JSX } from 'preact';

const paths = {
  online: <circle cx="8" cy="8" r="4.5" fill="currentColor" stroke="none" />,
  asleep: <path d="M12.5 10.2A5 5 0 0 1 6 3.4a5 5 0 1 0 6.5 6.8z" fill="currentColor" stroke="none" />,
  offline: <path d="M4.5 4.5l7 7m0-7l-7 7" />,
  unknown: <path d="M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M8 12.2v.1" />,
  check: <path d="M3.5 8.5l3 3 6-7" />,
  cross: <path d="M4.5 4.5l7 7m0-7l-7 7" />,
  clock: <path d="M8 4.8V8l2.2 1.6M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2z" />,
  arrow: <path d="M3 8h9.5M9 4.5L12.5 8 9 11.5" />,
  back: <path d="M10 3.5L5.5 8l4.5 4.5" />,
  play: <path d="M5.5 3.5v9l7-4.5z" fill="currentColor" />,
  dots: <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.4" />,
  warning: <path d="M8 2.8l6 10.4H2L8 2.8zM8 6.8v3M8 11.6v.1" />,
  critical: <path d="M5.5 2.5h5l3 3v5l-3 3h-5l-3-3v-5zM8 5v3.6M8 10.9v.1" />,
  info: <path d="M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM8 7.4v3.4M8 5.2v.1" />,
  bell: <path d="M4 11.5V7.2a4 4 0 0 1 8 0v4.3M2.8 11.5h10.4M6.8 13.8h2.4" />,
  fleet: <path d="M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01" />,
  plus: <path d="M8 3v10M3 8h10" />,
  search: <path d="M7 2.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4zM10.2 10.2l3.3 3.3" />,
  table: <path d="M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 3.5v9" />,
  chart: <path d="M2.5 9.5l3-4 3 5 2.5-3.5 2.5 2" />,
  copy: <path d="M5.5 5.5h7.5v8H5.5zM3 10.5v-8h7.5" />,
  pencil: <path d="M3 13l.6-2.8 7-7 2.2 2.2-7 7L3 13z" />,
  trash: <path d="M3 4.5h10M6.2 4.5v-2h3.6v2M4.3 4.5l.6 9h6.2l.6-9" />,
  user: <path d="M8 2.5a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4zM2.8 13.5c.6-2.6 2.6-3.8 5.2-3.8s4.6 1.2 5.2 3.8" />,
  wave: <path d="M1.5 9h2.6l1.6-4.6 2.6 7.6 2-5 1.1 2h3.1" />,
};

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {paths[name]}
    </svg>
  );
}
