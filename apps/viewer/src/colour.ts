// The tenant's accent, made safe: text on it and in it stays readable (WCAG 2.2, 1.4.3).

type Rgb = readonly [number, number, number];

const BACKGROUND: Rgb = [10, 11, 16];

export function parse(hex: string): Rgb | undefined {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(hex);
  const full = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(
    short
      ? `#${short
          .slice(1)
          .map((d) => d + d)
          .join("")}`
      : hex,
  );
  if (!full) return undefined;
  return [Number.parseInt(full[1] ?? "", 16), Number.parseInt(full[2] ?? "", 16), Number.parseInt(full[3] ?? "", 16)];
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const text = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`;

/** Custom properties for an accent: itself, text on it, and a tint of it that reads on the page's dark. */
export function accentProperties(hex: string): Record<string, string> {
  const accent = parse(hex);
  if (!accent) return {};
  const ink: Rgb = contrast(accent, [255, 255, 255]) >= contrast(accent, [12, 8, 6]) ? [255, 255, 255] : [12, 8, 6];
  let tint = accent;
  while (contrast(tint, BACKGROUND) < 6) {
    tint = tint.map((c) => Math.min(255, Math.round(c + (255 - c) * 0.12 + 1))) as unknown as Rgb;
  }
  return { "--accent": text(accent), "--accent-ink": text(ink), "--accent-text": text(tint) };
}
