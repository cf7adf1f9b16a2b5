// Icons, drawn here; each stands beside or inside something that has a name.
const paths = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  restart: "M12 5a7 7 0 1 1-6.7 9h2.1A5 5 0 1 0 12 7v3.2L7 6l5-4.2z",
  info: "M12 2.5a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zm0 2a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM11 11h2v6h-2zM11 7.200h2v2.100h-2z",
  left: "M15.300 4.300 7.600 12l7.700 7.700 1.500-1.500L10.600 12l6.200-6.200z",
  right: "M8.700 4.300 16.400 12l-7.700 7.700-1.500-1.500L13.400 12 7.200 5.800z",
  back: "M11 4.600 3.600 12 11 19.400l1.500-1.500L7.600 13H20.500v-2H7.600l4.900-4.900z",
  check: "M9.500 17.900 3.800 12.200l1.500-1.500 4.200 4.200 9.200-9.200 1.500 1.500z",
  volume:
    "M4 9v6h4l5.500 4.500v-15L8 9zM16 8.200v7.600a4.200 4.200 0 0 0 0-7.600zM16 4.300v2.100a6 6 0 0 1 0 11.200v2.100a8 8 0 0 0 0-15.400z",
  muted:
    "M4 9v6h4l5.500 4.500v-15L8 9zM16.200 8.800l1.300-1.300 2.200 2.200 2.200-2.200 1.300 1.300L21 11l2.200 2.200-1.300 1.300-2.200-2.200-2.200 2.200-1.300-1.300 2.200-2.200z",
  enter: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  leave: "M8 4h2v6H4V8h4zM14 4h2v4h4v2h-6zM4 14h6v6H8v-4H4zM14 14h6v2h-4v4h-2z",
  captions:
    "M3.500 5h17a1.500 1.500 0 0 1 1.500 1.500v11a1.500 1.500 0 0 1-1.500 1.500h-17A1.500 1.500 0 0 1 2 17.500v-11A1.500 1.500 0 0 1 3.500 5zM4 7v10h16V7zm2 3.500A1.500 1.500 0 0 1 7.500 9H11v1.600H7.700v2.800H11V15H7.500A1.500 1.500 0 0 1 6 13.500zm7 0A1.500 1.500 0 0 1 14.500 9H18v1.600h-3.300v2.800H18V15h-3.500a1.500 1.500 0 0 1-1.500-1.500z",
  settings:
    "M4 6h9v2H4zM17 6h3v2h-3zM14 4.500h2v5h-2zM4 11h3v2H4zM11 11h9v2h-9zM8 9.500h2v5H8zM4 16h9v2H4zM17 16h3v2h-3zM14 14.500h2v5h-2z",
  language: "M4 4h16v12.500h-8L7 21v-4.500H4zM6 6v8.500h3v2l2.200-2H18V6zM8 8h8v2H8zM8 11h5v2H8z",
  rewind: "M11 6v12l-8.500-6zM20.500 6v12L12 12z",
  forward: "M13 6v12l8.500-6zM3.500 6v12L12 12z",
  person: "M12 3.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9zM4 20.500c0-4 3.600-6 8-6s8 2 8 6z",
  lock: "M7 10V8a5 5 0 0 1 10 0v2h1.500v10.500h-13V10zm2 0h6V8a3 3 0 0 0-6 0z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** Four tiles, the last one a play mark. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path className="mark-a" d="M0 0h9v9H0z" />
      <path className="mark-b" d="M11 0h9v9h-9z" />
      <path className="mark-c" d="M0 11h9v9H0z" />
      <path className="mark-a" d="M11 11l9 4.500-9 4.500z" />
    </svg>
  );
}
