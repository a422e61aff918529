import { describe, expect, it } from 'vitest'
import type { Observation } from '../../src/engine/observation.ts'
import { fate, hidden, subitem, type World, withWorld } from './support/world.ts'

const NAME = '16969_25.01 - A'

/** What one subitem named like a revision of 16969 is matched with, among these hidden items. */
async function match(
  world: World,
  rows: readonly Observation[],
  link: string | null = null,
  name = NAME,
): Promise<unknown> {
  await world.db.query('truncate projects, subitems, hidden_items, lockstep.tombstones')
  await world.apply(...rows, subitem('s', null, { item_name: name, linked_hidden_item_id: link }))
  return (await world.get('subitems', 's'))['hidden_item_id']
}

describe('matching of subitems with hidden items', () => {
  it('takes the first rule that tells one', async () => {
    await withWorld(async (world) => {
      const exact = hidden('exact', { item_name: NAME })
      const loose = hidden('loose', { item_name: ' 16969_25.01  - a' })
      const other = hidden('other', { item_name: '16969_25.02 - B' })
      const elsewhere = hidden('elsewhere', { item_name: '169691_25.01 - A' })
      expect(await match(world, [exact, loose, other], 'other'), '1 link').toBe('other')
      expect(await match(world, [exact, other], 'missing'), '1 a dead link says nothing').toBe('exact')
      expect(await match(world, [exact, loose, other]), '2 identical name').toBe('exact')
      expect(await match(world, [loose, other]), '3 name but for case and spaces').toBe('loose')
      expect(await match(world, [other, elsewhere]), '6 only one of the number').toBe('other')
      expect(await match(world, [elsewhere]), 'another number that begins alike').toBe(null)
      expect(
        await match(world, [other, hidden('third', { item_name: '16969_25.03 - C' })]),
        'ambiguous',
      ).toBe(null)
    })
  })

  it('tells items of one name apart by their orders', async () => {
    await withWorld(async (world) => {
      const plain = hidden('plain', { item_name: NAME })
      const ordered = hidden('ordered', { item_name: NAME, date_order_received: '2025-01-02' })
      const loose = hidden('loose', { item_name: NAME.toLowerCase(), amount_invoiced: '5' })
      expect(await match(world, [plain, ordered]), '4').toBe('ordered')
      expect(await match(world, [plain, ordered, loose]), '4 before 5').toBe('ordered')
      expect(await match(world, [plain, hidden('twin', { item_name: NAME }), loose]), '5').toBe('loose')
      const rival = hidden('rival', { item_name: NAME, cust_order_value_material: '0' })
      expect(await match(world, [plain, ordered, rival]), 'two orders').toBe(null)
      expect(await match(world, [plain, hidden('twin', { item_name: NAME })]), 'no order').toBe(null)
    })
  })

  it('tells items of one name apart by what they say of the enquiry', async () => {
    await withWorld(async (world) => {
      const amended = hidden('amended', {
        item_name: NAME,
        reason_for_change: 'Amendment - Area',
        quote_amount_vendor: '9',
      })
      const enquiry = hidden('enquiry', {
        item_name: NAME,
        reason_for_change: 'New Enquiry',
        quote_amount_vendor: '7',
      })
      expect(await match(world, [amended, enquiry])).toBe('enquiry')
      expect((await world.get('subitems', 's'))['quote_amount']).toBe('7')
      const dated = hidden('dated', { item_name: NAME, date_design_completed: '2025-01-01' })
      expect(await match(world, [dated, hidden('empty', { item_name: NAME })])).toBe('dated')
      const invoiced = hidden('invoiced', { item_name: NAME, invoice_date: '2025-01-01' })
      expect(await match(world, [dated, invoiced]), 'a tie').toBe(null)
      const quoted = hidden('quoted', { item_name: NAME, quote_amount_vendor: '1' })
      const unpriced = hidden('unpriced', {
        item_name: NAME,
        reason_for_change: 'x',
        quote_amount_vendor: '0',
      })
      expect(await match(world, [quoted, unpriced]), 'a price counts six, a reason and a zero four').toBe(
        'quoted',
      )
    })
  })

  it('takes order fields from the item with the order and the rest from the one with the enquiry', async () => {
    await withWorld(async (world) => {
      const enquiry = hidden('enquiry', {
        item_name: NAME,
        reason_for_change: 'New Enquiry',
        quote_amount_vendor: '70',
      })
      const ordered = hidden('ordered', {
        item_name: NAME,
        cust_order_value_material: '50',
        invoice_date: '2025-01-01',
      })
      expect(await match(world, [enquiry, ordered])).toBe('ordered')
      expect(await world.get('subitems', 's')).toMatchObject({
        quote_amount: '70',
        reason_for_change: 'New Enquiry',
        cust_order_value_material: '50',
        invoice_date: null,
      })
    })
  })

  it('lets free texts match by name only', async () => {
    await withWorld(async (world) => {
      const template = hidden('t', { item_name: 'Template' })
      expect(await match(world, [template], null, 'template ')).toBe('t')
      expect(await match(world, [template, hidden('u', { item_name: 'Another' })], null, 'No such')).toBe(
        null,
      )
      expect(await match(world, [hidden('n', { item_name: null })], null, '')).toBe(null)
    })
  })

  it('follows hidden items that come, change their name, and go', async () => {
    await withWorld(async (world) => {
      const matched = async (): Promise<unknown> => (await world.get('subitems', 's'))['hidden_item_id']
      await world.apply(subitem('s', null, { item_name: NAME, linked_hidden_item_id: 'h1' }))
      expect(await matched()).toBe(null)
      await world.apply(hidden('h2', { item_name: NAME, designer: 'Jo' }))
      expect(await world.get('subitems', 's')).toMatchObject({ hidden_item_id: 'h2', designer: 'Jo' })
      await world.apply(hidden('h1', { item_name: 'of another name', designer: 'Al' }))
      expect(await world.get('subitems', 's')).toMatchObject({ hidden_item_id: 'h1', designer: 'Al' })
      await world.apply(fate('delete', 'hidden_items', 'h1'))
      expect(await matched()).toBe('h2')
      await world.apply(hidden('h2', { item_name: '17000_25.01 - A' }))
      expect(await matched()).toBe(null)
      await world.apply(fate('restore', 'hidden_items', 'h1'))
      expect(await matched()).toBe('h1')
    })
  })
})
