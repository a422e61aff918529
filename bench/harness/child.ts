import { fork } from 'node:child_process'
import { join } from 'node:path'
import { HEAP } from '../../bin/heap.js'

/** A part of a benchmark in a process of its own. It is told what to do, does it, and tells what came of it. */
export interface Child<Answer> {
  /** What it said first. */
  readonly answer: Answer
  /** Tells it to end, and waits until it has; its peak memory, bytes, is of the process alone. */
  stop(): Promise<void>
}

export interface ChildOptions {
  /** Folder for a CPU profile of the process. */
  readonly profile?: string | undefined
}

/**
 * Starts `harness/<name>.ts` with `task`; with BENCH_CAPPED=1 in the memory that `lockstep` gives itself. Rejects where
 * it ends before it answers.
 */
export async function startChild<Task, Answer>(
  name: string,
  task: Task,
  { profile }: ChildOptions = {},
): Promise<Child<Answer>> {
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const execArgv = [...(process.env['BENCH_CAPPED'] === '1' ? HEAP : []), ...profiling]
  const child = fork(join(import.meta.dirname, `${name}.ts`), { execArgv, serialization: 'advanced' })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const answer = await new Promise<Answer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Answer))
    void ended.then((code) => reject(new Error(`${name} ended with ${code}`)))
    child.send({ task })
  })
  return {
    answer,
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** The same for what ends by itself: its answer. */
export async function runChild<Task, Answer>(
  name: string,
  task: Task,
  options: ChildOptions = {},
): Promise<Answer> {
  const child = await startChild<Task, Answer>(name, task, options)
  await child.stop()
  return child.answer
}

/**
 * The child's side: does the task and answers; ends when it is told to. What `work` returns beside the answer is
 * closed then.
 */
export function serveTask<Task, Answer>(
  work: (task: Task) => Promise<{ answer: Answer; close?: () => Promise<void> }>,
): void {
  process.once('message', ({ task }: { task: Task }) => {
    void work(task).then(({ answer, close }) => {
      process.once('disconnect', () => void (close?.() ?? Promise.resolve()).then(() => process.exit(0)))
      process.send?.(answer)
    })
  })
}
