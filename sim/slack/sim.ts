import type { HookState, SlackMessage } from './hook.ts'
import type { SlackLimits } from './receive.ts'

/** Probabilities are 0–1; all knobs are mutable. */
export interface SlackFaults {
  /** 500 `rollup_error`. */
  http500: number
  http429: number
  /** The request hangs until the client gives up. */
  timeout: number
  latencyMs: number
}

export interface SlackSimOptions {
  /** 0, the default, takes a free one. */
  port?: number
  seed?: number
  clock?: { now(): number }
  limits?: Partial<SlackLimits>
  faults?: Partial<SlackFaults>
}

export interface SlackRequest {
  readonly at: number
  /** Of the hook; null where there is none. */
  readonly hook: string | null
  /** 0 where it was left hanging. */
  readonly status: number
  /** What was answered. */
  readonly text: string
}

export interface SlackSim {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly limits: SlackLimits
  readonly faults: SlackFaults
  readonly requests: readonly SlackRequest[]
  /** The URL of the hook of this name, made when it is asked for first; it posts to the channel `#<name>`. */
  hook(name: string): string
  /** What a hook took, oldest first; of all hooks without a name. */
  messages(name?: string): readonly SlackMessage[]
  /** Archives its channel, removes it, or makes it work again. */
  setHook(name: string, state: HookState): void
  close(): Promise<void>
}
