import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HEALTHY, judgePoll, type PollFinding } from './webhook-health.ts'

const after = (...polls: [announced: number, unannounced: number][]) =>
  polls.reduce((state, [announced, unannounced]) => judgePoll(state, { announced, unannounced }), HEALTHY)

describe('the health of webhooks', () => {
  it.each<[what: string, polls: [number, number][], healthy: boolean]>([
    [
      'nothing changes',
      [
        [0, 0],
        [0, 0],
      ],
      true,
    ],
    [
      'all is announced',
      [
        [5, 0],
        [100, 0],
      ],
      true,
    ],
    [
      'one change of many is lost',
      [
        [20, 1],
        [20, 1],
        [20, 1],
      ],
      true,
    ],
    ['three of three are lost, once', [[0, 3]], true],
    [
      'three of three are lost, twice',
      [
        [0, 3],
        [0, 3],
      ],
      false,
    ],
    [
      'three of three are lost, twice, with quiet polls between',
      [
        [0, 3],
        [0, 0],
        [0, 0],
        [0, 3],
      ],
      false,
    ],
    [
      'three are lost, then two told of',
      [
        [0, 3],
        [2, 0],
        [0, 3],
      ],
      true,
    ],
    ['ten at once', [[0, 10]], false],
    ['ten of fifteen at once', [[5, 10]], false],
    ['a dozen of five thousand, as of a bulk move that sends nothing', [[5000, 12]], true],
    ['a quarter of many', [[30, 10]], false],
    [
      'one a poll, on a slow board',
      [
        [0, 1],
        [0, 1],
        [0, 1],
        [0, 1],
        [0, 1],
        [0, 1],
      ],
      false,
    ],
    [
      'ill, and quiet since',
      [
        [0, 10],
        [0, 0],
        [0, 0],
      ],
      false,
    ],
    [
      'ill, and announced again',
      [
        [0, 10],
        [0, 0],
        [1, 0],
      ],
      true,
    ],
    [
      'ill, and half announced',
      [
        [0, 10],
        [2, 3],
      ],
      false,
    ],
  ])('%s', (_what, polls, healthy) => {
    expect(after(...polls).healthy).toBe(healthy)
  })

  it('never calls a stream ill of which every change was announced', () => {
    const poll = fc.record({ announced: fc.nat(1_000), unannounced: fc.constant(0) })
    fc.assert(
      fc.property(fc.array(poll), (polls: PollFinding[]) => {
        expect(polls.reduce(judgePoll, HEALTHY)).toEqual(HEALTHY)
      }),
    )
  })

  it('calls a stream ill after at most six polls that each found a lost change and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 6 }), (lost) => {
        expect(after(...lost.map((n): [number, number] => [0, n])).healthy).toBe(false)
      }),
    )
  })
})
