import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Convoy } from './convoy.ts'

describe('a convoy', () => {
  it('lets work overlap, and end in order', async () => {
    const log: string[] = []
    const convoy = new Convoy(0)
    const member = (name: string, ms: number): void => {
      void convoy.join(async ({ ahead }) => {
        log.push(`${name} begins`)
        await sleep(ms)
        const n = (await ahead()) + 1
        log.push(`${name} ends as ${n}`)
        return n
      })
    }
    member('a', 30)
    member('b', 1)
    expect(await convoy.ended).toBe(2)
    expect(log).toEqual(['a begins', 'b begins', 'a ends as 1', 'b ends as 2'])
  })

  it('lets those behind go when one needs what they may hold, and runs them again', async () => {
    const log: string[] = []
    const convoy = new Convoy(0, 60_000)
    const free = Promise.withResolvers<void>()
    void convoy.join(async ({ ahead, clearBehind }) => {
      await ahead()
      clearBehind()
      await free.promise
      log.push('a ends')
      return 1
    })
    void convoy.join(async ({ ahead }) => {
      log.push('b begins')
      try {
        return (await ahead()) + 1
      } finally {
        log.push('b lets go')
        free.resolve()
      }
    })
    expect(await convoy.ended).toBe(2)
    expect(log).toEqual(['b begins', 'b lets go', 'a ends', 'b begins', 'b lets go'])
  })

  it('waits no longer than it has patience', async () => {
    const convoy = new Convoy(0, 5)
    const free = Promise.withResolvers<void>()
    let begun = 0
    void convoy.join(async () => {
      await free.promise
      return 1
    })
    void convoy.join(async ({ ahead }) => {
      begun++
      try {
        return (await ahead()) + 1
      } finally {
        free.resolve()
      }
    })
    expect(await convoy.ended).toBe(2)
    expect(begun).toBe(2)
  })

  it('ends those behind one that fails with its error, and none of them has gone on', async () => {
    const convoy = new Convoy(0)
    let wentOn = false
    void convoy.join(async () => {
      await sleep(5)
      throw new Error('refused')
    })
    const behind = convoy.join(async ({ ahead }) => {
      const n = await ahead()
      wentOn = true
      return n
    })
    await expect(behind).rejects.toThrow('refused')
    expect(wentOn).toBe(false)
  })
})
