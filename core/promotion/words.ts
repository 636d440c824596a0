/**
 * What a promotion says at the host. Texts that strangers chose (a commit's message, its author) stand in one code span,
 * where hosts read neither mentions, closing words nor commands; nothing of them is in the commit itself.
 */
import type { Promotion } from "../promotion.ts";
import type { Release } from "../release.ts";
import { sentence } from "../text.ts";

/** Who the hub is as an author; the address leads nowhere. */
export const PROMOTER = { name: "Fairlead", email: "fairlead@localhost.invalid" } as const;

const TEXT_CHARS_MAX = 200;

/** One line: which release goes where. */
export function promotionTitle({ spec }: Promotion, { release }: Pick<Release, "release">): string {
  return `Promote ${spec.from.app} release ${release} to ${spec.to.path}`;
}

export function commitMessage(promotion: Promotion, release: Release, hubUrl: string): string {
  return `${promotionTitle(promotion, release)}\n\n${facts(promotion, release, hubUrl).join("\n")}\n`;
}

export function pullRequestBody(promotion: Promotion, release: Release, hubUrl: string): string {
  const list = facts(promotion, release, hubUrl).map((fact) => `- ${fact}`);
  const { spec } = promotion;
  return [
    `Release ${release.release} of App ${spec.from.app} has been healthy on all of its clusters.`,
    "",
    ...list,
    `- Its commit says: ${codeSpan(release.message)} (${codeSpan(release.author)})`,
    "",
    "A newer release updates this pull request. Closed without a merge, this release is not offered again.",
    "",
  ].join("\n");
}

function facts({ metadata, spec }: Promotion, release: Release, hubUrl: string): string[] {
  const { project, name } = metadata;
  return [
    `App: ${project}/${spec.from.app}`,
    `Release: ${release.release}`,
    `Commit: ${release.commit}`,
    `Promotion: ${project}/${name}`,
    `Hub: ${sentence(hubUrl, TEXT_CHARS_MAX)}`,
  ];
}

/** Without what could end the span. */
function codeSpan(text: string): string {
  const plain = sentence(text.split("\n", 1)[0] ?? "", TEXT_CHARS_MAX).replaceAll("`", "'");
  return `\`${plain === "" ? "-" : plain}\``;
}
