import type { BoardSpec } from '../world/create-world.ts'
import type { Random } from '../world/random.ts'
import { ACCOUNTS_BOARD, plain, status } from './column-specs.ts'

const FIRST = [
  'North',
  'Apex',
  'Harbour',
  'Summit',
  'Castle',
  'Delta',
  'Union',
  'Prime',
  'Crown',
  'Valley',
  'Ridge',
  'Beacon',
]
const SECOND = [
  'Roofing',
  'Flat Roofs',
  'Contracts',
  'Building Supplies',
  'Cladding',
  'Waterproofing',
  'Roof Systems',
]
const LAST = ['Ltd', 'Group', 'UK', '& Sons', 'Services']

const accountsBoard: BoardSpec = {
  id: ACCOUNTS_BOARD,
  name: 'Accounts',
  groups: [{ id: 'topics', title: 'Accounts' }],
  columns: [
    plain('text', 'text__1', 'Town'),
    plain('phone', 'phone__1', 'Phone'),
    plain('email', 'email__1', 'E-mail'),
    status('status__1', 'Tier', { 0: 'Gold', 1: 'Silver', 2: 'Bronze' }),
    plain('last_updated', 'last_updated__1', 'Last Updated'),
  ],
}

/** Every combination once, a few with a comma: a mirror joins names with commas too. */
export function accounts(random: Random): BoardSpec {
  const names = FIRST.flatMap((a) => SECOND.flatMap((b) => LAST.map((c) => `${a} ${b} ${c}`)))
  const items = random.shuffle(names).map((name, i) => ({
    name: i % 60 === 7 ? name.replace(' ', ', ') : name,
    values: {
      text__1: random.pick(['Leeds', 'York', 'Hull', 'Derby', 'Bath', 'Truro', 'Perth']),
      status__1: { index: random.int(3) },
      email__1: { email: `sales@account${i}.example`, text: `sales@account${i}.example` },
    },
  }))
  return { ...accountsBoard, items }
}
