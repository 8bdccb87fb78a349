/* Pictures of figures, as SVG with a background of its own: to be read on a light page and on a dark one. */

const WIDTH = 760;
const COLOURS = ["#1d4ed8", "#b45309", "#15803d", "#b91c1c", "#7e22ce", "#0f766e"];
const [INK, FAINT, PAPER, BAR] = ["#1f2937", "#d1d5db", "#ffffff", "#94a3b8"];

export interface Bar {
  name: string;
  value: number;
  /** Stands out: what the picture is about. */
  isOurs: boolean;
}

export interface Panel {
  title: string;
  bars: readonly Bar[];
}

/** Bars below each other on one scale, whose steps are powers of ten. */
export function barsPlot(panels: readonly Panel[], unit: string): string {
  const [left, right, rowHeight, headHeight] = [210, 90, 24, 62];
  const values = panels.flatMap(({ bars }) => bars.map(({ value }) => value));
  const scale = logScale(values, left, WIDTH - right);
  const parts: string[] = [];
  let y = 10;
  for (const { title, bars } of panels) {
    parts.push(text(16, y + 20, `${title}, ${unit}`, { weight: "bold" }));
    const [top, bottom] = [y + headHeight - 12, y + headHeight + bars.length * rowHeight];
    for (const tick of scale.ticks) {
      parts.push(
        line(scale.at(tick), top, scale.at(tick), bottom),
        text(scale.at(tick), top - 4, short(tick), { anchor: "middle", size: 11 }),
      );
    }
    for (const [place, { name, value, isOurs }] of bars.entries()) {
      const at = y + headHeight + place * rowHeight;
      const width = Math.max(scale.at(value) - left, 1);
      parts.push(
        text(left - 8, at + 13, name, { anchor: "end", weight: isOurs ? "bold" : "normal" }),
        `<rect x="${left}" y="${at + 1}" width="${width.toFixed(1)}" height="${rowHeight - 7}" fill="${isOurs ? COLOURS[0] : BAR}"/>`,
        text(scale.at(value) + 6, at + 13, short(value)),
      );
    }
    y = bottom + 14;
  }
  return svg(panels.map(({ title }) => title).join(", "), y, parts);
}

export interface Series {
  name: string;
  /** Undefined: nothing measured there. */
  values: readonly (number | undefined)[];
}

/** Lines over sizes, both axes in powers of ten. */
export function linesPlot(title: string, sizes: readonly number[], series: readonly Series[], axis: string): string {
  const [left, right, top, height] = [70, 40, 66, 320];
  const values = series.flatMap((one) => one.values.filter((value) => value !== undefined));
  const across = logScale(sizes, left + 20, WIDTH - right - 20);
  const up = logScale(values, top + height, top);
  const parts = [text(16, 26, title, { weight: "bold" }), text(16, 44, axis, { size: 11 })];
  for (const tick of up.ticks)
    parts.push(
      line(left, up.at(tick), WIDTH - right, up.at(tick)),
      text(left - 8, up.at(tick) + 4, short(tick), { anchor: "end", size: 11 }),
    );
  for (const size of sizes)
    parts.push(text(across.at(size), top + height + 20, `${short(size)} rows`, { anchor: "middle", size: 11 }));
  for (const [place, { name, values: ys }] of series.entries()) {
    const colour = COLOURS[place % COLOURS.length];
    const points = ys.flatMap((value, index) =>
      value === undefined ? [] : [`${across.at(sizes[index] ?? 1).toFixed(1)},${up.at(value).toFixed(1)}`],
    );
    const legendAt = top + height + 46 + place * 20;
    parts.push(
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
      ...points.map(
        (point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="4" fill="${colour}"/>`,
      ),
      `<rect x="${left}" y="${legendAt - 10}" width="14" height="10" fill="${colour}"/>`,
      text(left + 22, legendAt, name),
    );
  }
  return svg(title, top + height + 50 + series.length * 20, parts);
}

/** From the power of ten below the least to the one above the greatest. */
function logScale(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  return {
    at: (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)),
  };
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="${PAPER}"/>
${parts.join("\n")}
</svg>
`;
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = "start", weight = "normal", size = 13 }: { anchor?: string; weight?: string; size?: number } = {},
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-weight="${weight}" font-size="${size}" fill="${INK}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${FAINT}"/>`;
}

/** Two figures that count, thousands as k and millions as M. */
function short(value: number): string {
  const [divisor, letter] = value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  const scaled = value / divisor;
  return `${scaled >= 100 ? Math.round(scaled) : Number(scaled.toPrecision(2))}${letter}`;
}
