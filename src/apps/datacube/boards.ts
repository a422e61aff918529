import type { BoardMapping, DecoderName, FieldMapping } from '../../sources/monday/mapping.ts'

export interface BoardIds {
  readonly projects: string
  readonly subitems: string
  readonly hiddenItems: string
}

export const defaultBoards: BoardIds = {
  projects: '1825117125',
  subitems: '1825117144',
  hiddenItems: '1825138260',
}

/**
 * Column id → table column and how it is read. Ids mean different things on different boards (`mirror5__1` is an
 * order's total on one and an invoice's amount on another), so each board has a table of its own.
 *
 * Mirrors are left out on purpose: they stay in `extra`, and what is resolved from them is derived. So are formulas
 * over mirrors or connected boards: the vendor's API never gives their values.
 */
type Fields = Readonly<Record<string, readonly [column: string, as: DecoderName]>>

const projectFields: Fields = {
  name: ['item_name', 'text'],
  text3__1: ['project_name', 'text'],
  status4__1: ['pipeline_stage', 'label'],
  formula_mkq8gyr: ['won_vs_open_lost', 'display'],
  dropdown7__1: ['type', 'label'],
  dropdown__1: ['category', 'label'],
  dropdown_mknfpjbt: ['zip_code', 'label'],
  person: ['sales_representative', 'people'],
  dropdown_mkrb9mq5: ['funding', 'label'],
  date9__1: ['date_created', 'date'],
  date_mkp0heke: ['expected_start_date', 'date'],
  date_mkpx4163: ['follow_up_date', 'date'],
  dropdown_mkp0tjks: ['feedback', 'label'],
  dropdown_mkp1rgp9: ['lost_to_who_or_why', 'label'],
}

const subitemFields: Fields = {
  name: ['item_name', 'text'],
  parent_item_id: ['parent_monday_id', 'text'],
  connect_boards8__1: ['linked_hidden_item_id', 'link'],
  color_mkq2at9k: ['urgency', 'label'],
}

const hiddenItemFields: Fields = {
  name: ['item_name', 'text'],
  status__1: ['status', 'label'],
  files__1: ['project_attachments', 'json'],
  text__1: ['prefix', 'text'],
  text6__1: ['revision', 'text'],
  dup__of_revision__1: ['project_name', 'text'],
  connect_boards__1: ['account_id', 'link'],
  dup__of_accounts_mkkd7bew: ['customer_id', 'link'],
  dropdown9__1: ['product_type', 'label'],
  dropdown2__1: ['reason_for_change', 'label'],
  date4__1: ['date_received', 'date'],
  date__1: ['date_design_completed', 'date'],
  date8__1: ['date_quoted', 'date'],
  date64__1: ['date_project_won', 'date'],
  date6__1: ['date_project_closed', 'date'],
  people__1: ['designer', 'people'],
  people3__1: ['surveyor', 'people'],
  numbers6__1: ['time_taken', 'number'],
  numbers5__1: ['area', 'number'],
  text2__1: ['fall', 'text'],
  deck_type__1: ['deck_type', 'label'],
  dropdown_mknfrfyf: ['layering', 'label'],
  numbers72__1: ['min_thickness', 'number'],
  numbers2__1: ['max_thickness', 'number'],
  numbers__1: ['u_value', 'number'],
  numbers67__1: ['min_u_value', 'number'],
  numbers22__1: ['material_value', 'number'],
  numbers9__1: ['transport_cost', 'number'],
  numbers3__1: ['additional_charges', 'number'],
  numbers4__1: ['tp_margin', 'number'],
  numbers55__1: ['commission', 'number'],
  numbers79__1: ['distributor_margin', 'number'],
  // A formula of number columns is readable, but in a pass of its own and so later than the numbers it is made of:
  // `quote_amount` is computed from those where all are there, and takes this one where they are not.
  formula63__1: ['quote_amount_vendor', 'display_number'],
  status_17__1: ['order_status', 'label'],
  date7__1: ['date_order_received', 'date'],
  numbers98__1: ['cust_order_value_material', 'number'],
  text93__1: ['customer_po', 'text'],
  dropdown82__1: ['supplier1', 'label'],
  dropdown3__1: ['supplier2', 'label'],
  date74__1: ['requested_delivery_date', 'date'],
  date01__1: ['final_delivery_date', 'date'],
  text60__1: ['delivery_address', 'text'],
  invoice_number_mkm2nq6s: ['invoice_number', 'text'],
  date42__1: ['invoice_date', 'date'],
  numbers56__1: ['amount_invoiced', 'number'],
}

const mapped = (fields: Fields): Record<string, FieldMapping> =>
  Object.fromEntries(Object.entries(fields).map(([id, [column, as]]) => [column, { column: id, as }]))

/** The three boards. Subitems come last: what they are matched with is then mostly there. */
export function boardMappings(ids: BoardIds = defaultBoards): BoardMapping[] {
  return [
    {
      board: ids.hiddenItems,
      name: 'Tapered Hidden Items',
      table: 'hidden_items',
      fields: mapped(hiddenItemFields),
    },
    {
      board: ids.projects,
      name: 'Tapered Enquiry Maintenance',
      table: 'projects',
      fields: mapped(projectFields),
    },
    {
      board: ids.subitems,
      name: 'Subitems of Tapered Enquiry Maintenance',
      table: 'subitems',
      parentBoard: ids.projects,
      fields: mapped(subitemFields),
    },
  ]
}
