/**
 * The small parts that every section is made of. All text goes through `html`, which escapes it; nothing here may
 * mark a string as safe. A state is always said in words: colour and sign only repeat it.
 */
import { html } from "hono/html";
import type { Findings } from "#core/finding.ts";
import type { Standing, Tone } from "#core/fleet.ts";

export type Html = ReturnType<typeof html>;
export type Cell = Html | string | number;

const SIGNS: Record<Tone, string> = { good: "✓", busy: "↻", bad: "✕", quiet: "–" };
const COMMIT_CHARS = 7;
const MINUTE_MS = 60_000;

export function badge({ word, tone }: Standing): Html {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${SIGNS[tone]}</span> ${word}</span>`;
}

export function commit(id: string): Html {
  return html`<code title="${id}">${shortCommit(id)}</code>`;
}

export function shortCommit(id: string): string {
  return id.slice(0, COMMIT_CHARS);
}

/** The first line of a commit message. */
export function subject(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}

/** Coarse on purpose: a page on which nothing happened stays the same for a minute, so its ETag holds. */
export function ago(at: number | undefined, now: number): Html | string {
  if (at === undefined) return "never";
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${iso}">${agoWords(Math.max(0, now - at))}</time>`;
}

function agoWords(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 60 / 24)} days ago`;
}

export function labelList(labels: Readonly<Record<string, string>> | undefined): Html | string {
  // The table keeps no order of them: sorted, rows compare at a glance and the page's ETag holds.
  const entries = Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return "";
  return html`<span class="labels"
    >${entries.map(([key, value]) => html`<span class="label">${key}=${value}</span> `)}</span
  >`;
}

/** A box that says what went wrong, where, and what keeps running. */
export function trouble(title: string, body: Html): Html {
  return html`<div class="trouble"><strong>${title}</strong>${body}</div>`;
}

/** A box that says what somebody should know, though nothing is wrong with it. */
export function notice(title: string, body: Html): Html {
  return html`<div class="trouble notice"><strong>${title}</strong>${body}</div>`;
}

/** Which rule, which object, in words; the last line says how many are not listed. */
export function findingList({ total, listed }: Findings): Html {
  const more = total - listed.length;
  return html`<ul class="findings">
    ${listed.map(
      ({ by, object, message }) =>
        html`<li><strong>${by}</strong> ${object === "" ? "" : html`<code>${object}</code>`} ${message}</li>`,
    )}
    ${more > 0 ? html`<li class="muted">and ${more} more</li>` : ""}
  </ul>`;
}

export function count(n: number, one: string, many: string = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/**
 * The first cell of a row is its header. The roles repeat what the elements say, because a narrow screen shows the
 * rows as blocks, and a browser then forgets that they are a table.
 */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  return html`<table role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (cells) =>
          html`<tr role="row">
            ${cells.map((cell, at) => tableCell(cell, at, columns[at] ?? ""))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function tableCell(cell: Cell, at: number, column: string): Html {
  if (at === 0) return html`<th role="rowheader" scope="row">${cell}</th>`;
  return html`<td role="cell" data-label="${column}" ${cell === "" ? html` class="empty"` : ""}>
    <div>${cell}</div>
  </td>`;
}
