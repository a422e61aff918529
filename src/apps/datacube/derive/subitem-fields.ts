/** How a mirror's text becomes the column. */
export type FieldKind = 'text' | 'parts' | 'number' | 'date'

/**
 * Which of the hidden items of one name a field is taken from, where there are several: `quote`, the one that says
 * most about the enquiry; `order`, the only one that was ordered or invoiced.
 */
export type MatchKind = 'quote' | 'order'

export interface SubitemField {
  readonly column: string
  /** The subitem's own mirror, in `extra`. */
  readonly mirror: string
  readonly kind: FieldKind
  readonly match: MatchKind
}

const field = (
  column: string,
  mirror: string,
  kind: FieldKind,
  match: MatchKind = 'quote',
): SubitemField => ({
  column,
  mirror,
  kind,
  match,
})

/** What a subitem shows of its revision: its own mirror where that says something, else the matched hidden item's. */
export const subitemFields: readonly SubitemField[] = [
  field('account', 'mirror_12__1', 'parts'),
  field('product_type', 'mirror875__1', 'parts'),
  field('reason_for_change', 'mirror03__1', 'text'),
  field('quote_amount', 'mirror77__1', 'number'),
  field('date_received', 'mirror95__1', 'date'),
  field('date_design_completed', 'mirror98__1', 'date'),
  field('designer', 'mirror39__1', 'text'),
  field('surveyor', 'mirror92__1', 'text'),
  field('time_taken', 'mirror16__1', 'number'),
  field('area', 'mirror79__1', 'number'),
  field('fall', 'mirror22__1', 'text'),
  field('deck_type', 'mirror75__1', 'text'),
  field('layering', 'lookup_mknfw2nr', 'text'),
  field('min_thickness', 'mirror62__1', 'number'),
  field('max_thickness', 'mirror74__1', 'number'),
  field('u_value', 'mirror0__1', 'number'),
  field('min_u_value', 'mirror12__1', 'number'),
  field('m2_rate', 'mirror57__1', 'number'),
  field('material_value', 'mirror73__1', 'number'),
  field('transport_cost', 'mirror43__1', 'number'),
  field('invoice_date', 'mirror082__1', 'date'),
  field('date_quoted', 'mirror19__1', 'date'),
  field('date_project_won', 'mirror48__1', 'date'),
  field('date_project_closed', 'mirror4__1', 'date'),
  field('order_status', 'mirror713__1', 'text', 'order'),
  field('date_order_received', 'mirror226__1', 'date', 'order'),
  field('cust_order_value_material', 'mirror17__1', 'number', 'order'),
  field('customer_po', 'mirror81__1', 'text', 'order'),
  field('supplier1', 'mirror878__1', 'text', 'order'),
  field('supplier2', 'mirror44__1', 'text', 'order'),
  field('requested_delivery_date', 'mirror24__1', 'date', 'order'),
  field('final_delivery_date', 'mirror20__1', 'date', 'order'),
  field('delivery_address', 'mirror64__1', 'text', 'order'),
  field('invoice_number', 'mirror682__1', 'text', 'order'),
  field('amount_invoiced', 'mirror5__1', 'number', 'order'),
]

/** The subitem's own formula for its part of the enquiry's value; usually unreadable. */
export const NEW_ENQUIRY_FORMULA = 'formula_mkqa31kh'
