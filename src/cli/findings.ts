import { describeError } from '../engine/errors.ts'

/** One thing that doctor looked at. */
export interface Finding {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'error'
  readonly detail: string
  /** What to do about it. */
  readonly remedy?: string | undefined
}

/** Collects findings; a check that fails is a finding too, and the others go on. */
export class Findings {
  readonly all: Finding[] = []

  ok(name: string, detail: string): void {
    this.all.push({ name, level: 'ok', detail })
  }

  warn(name: string, detail: string, remedy?: string): void {
    this.all.push({ name, level: 'warning', detail, remedy })
  }

  fail(name: string, detail: string, remedy?: string): void {
    this.all.push({ name, level: 'error', detail, remedy })
  }

  /** Runs a check; undefined where it failed. */
  async attempt<T>(name: string, check: () => Promise<T> | T, remedy?: string): Promise<T | undefined> {
    try {
      return await check()
    } catch (error) {
      this.fail(name, describeError(error), remedy)
      return undefined
    }
  }
}
