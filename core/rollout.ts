/** The rollout: what it is, and what is decided about it. All of it is plain; `functions/rollout` acts on it. */
export { calendarVerdict, calendarWindows, type CalendarWindow, type Starts } from "./rollout/calendar.ts";
export { command, COMMANDS, openApprovals, type CommandKind } from "./rollout/command.ts";
export { decide, type Effect } from "./rollout/decide.ts";
export { dependencyWait, unreleasedWait } from "./rollout/depends.ts";
export { askedGates, takeVerdict, waitingGate } from "./rollout/judging.ts";
export { DIRECT_RANKS_MAX, freshOut } from "./rollout/fresh.ts";
export { inStage as inStageOf, RANKS_PER_RANGE, rangesOf } from "./rollout/ranks.ts";
export { stageOf, stagesOf, withoutGates } from "./rollout/stages.ts";
export {
  standingOf,
  turnOf,
  type Heard,
  type NotNow,
  type ObservedTarget,
  type Standing,
} from "./rollout/standing.ts";
export {
  countOf,
  isDone,
  isOver,
  mayAssign,
  rolloutSchema,
  UNMOVED,
  type Back,
  type Rollout,
  type RolloutState,
  type Stage,
} from "./rollout/state.ts";
export { timelineOf, timelineEntrySchema, type TimelineEntry } from "./rollout/timeline.ts";
export { stateWords } from "./rollout/words.ts";
export { whyOf, type WhyFacts } from "./rollout/why.ts";
export { windowVerdict, type WindowVerdict } from "./rollout/window.ts";
