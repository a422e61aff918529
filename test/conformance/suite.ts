import { describe, it } from 'vitest'
import { actTests } from './acts.ts'
import { budgetTests } from './budget.ts'
import { parsingTests } from './parsing.ts'
import { readingTests } from './reading.ts'
import { resumingTests } from './resuming.ts'
import type { Rig, RigOptions } from './rig.ts'
import { withRig } from './rig.ts'
import type { Absent, Subject } from './subject.ts'
import { eventTests } from './events.ts'
import { doorTests } from './door.ts'

/** One question that the suite puts to a vendor. */
export interface Question {
  readonly title: string
  readonly test: (rig: Rig) => Promise<void>
  readonly options: RigOptions | undefined
}

export interface Suite {
  readonly subject: Subject
  readonly ask: (title: string, test: Question['test'], options?: RigOptions) => void
  /** What the vendor lacks: named in the report with its reason. */
  readonly lacks: (title: string, lacking: Absent) => void
}

const CHAPTERS: Readonly<Record<string, (suite: Suite) => void>> = {
  reading: readingTests,
  'what happens': actTests,
  webhooks(suite) {
    doorTests(suite)
    eventTests(suite)
  },
  parsing: parsingTests,
  'when the API fails': budgetTests,
  'going on': resumingTests,
}

/** All that the engine asks of any source, put to one. */
export function conformance(subject: Subject): void {
  const suite: Suite = {
    subject,
    ask: (title, test, options) => it(title, () => withRig(subject, test, options)),
    lacks: (title, { absent }) => it(title, (context) => context.skip(absent)),
  }
  for (const [chapter, put] of Object.entries(CHAPTERS))
    describe(`${subject.vendor}: ${chapter}`, () => put(suite))
}

/** The questions themselves, for who puts them another way. */
export function asksOf(subject: Subject): Question[] {
  const questions: Question[] = []
  const ask: Suite['ask'] = (title, test, options) => void questions.push({ title, test, options })
  for (const put of Object.values(CHAPTERS)) put({ subject, ask, lacks() {} })
  return questions
}
