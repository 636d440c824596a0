/**
 * What a health rule answers with, and how rules read an object that may lack anything: a missing field is a
 * number that is not there yet, never an exception.
 */
import type { KubeObject } from "../object.ts";
import { sentence } from "../text.ts";

export type HealthStatus = "current" | "progressing" | "failed" | "terminating";

/** `sentence` is one line for people and carries no time, so that an unchanged object keeps an unchanged verdict. */
export interface Health {
  status: HealthStatus;
  sentence: string;
}

export interface Condition {
  type: string;
  /** `True`, `False` or `Unknown`. */
  status: string;
  reason: string;
  message: string;
}

export const current = (text: string): Health => ({ status: "current", sentence: sentence(text) });
export const progressing = (text: string): Health => ({ status: "progressing", sentence: sentence(text) });
export const failed = (text: string): Health => ({ status: "failed", sentence: sentence(text) });
export const terminating = (text: string): Health => ({ status: "terminating", sentence: sentence(text) });

type Fields = Record<string, unknown>;

/** The object under `value[name]`, or an empty one. */
export function fieldsOf(value: Fields, name: string): Fields {
  const member = value[name];
  return isFields(member) ? member : {};
}

export function specOf(object: KubeObject): Fields {
  return fieldsOf(object, "spec");
}

export function statusOf(object: KubeObject): Fields {
  return fieldsOf(object, "status");
}

/** The objects of the list under `value[name]`; other items are passed over. */
export function listOf(value: Fields, name: string): Fields[] {
  const member = value[name];
  return Array.isArray(member) ? member.filter(isFields) : [];
}

export function numberOf(value: Fields, name: string, fallback = 0): number {
  const member = value[name];
  return typeof member === "number" ? member : fallback;
}

export function textOf(value: Fields, name: string): string {
  const member = value[name];
  return typeof member === "string" ? member : "";
}

/** The condition of `type` in `status.conditions`. */
export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  const found = listOf(statusOf(object), "conditions").find((condition) => condition["type"] === type);
  if (found === undefined) return undefined;
  return {
    type,
    status: textOf(found, "status"),
    reason: textOf(found, "reason"),
    message: textOf(found, "message"),
  };
}

/** The condition's own words where it has any. */
export function wordsOf(condition: Condition, otherwise: string): string {
  return condition.message || condition.reason || otherwise;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
