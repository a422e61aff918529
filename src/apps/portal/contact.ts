import { storable } from '../../db/storable.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'

/** Field of a lead → the names that its custom variable goes by, the first that is filled wins. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  phone: [
    'phone number', 'cell phone', 'cellphone', 'company phone', 'phone', 'mobile', 'cell', 'phone_number',
  ],
  address: ['street address', 'address', 'street'],
  city: ['city'],
  state: ['state'],
  zip: ['zip', 'zip code', 'zipcode', 'postal code'],
  renewal: ['renewal', 'renewal date', 'policy renewal', 'expiry date'],
  birthday: ['birthday', 'birth date', 'date of birth', 'dob'],
} // prettier-ignore

/** What an event's lead says of itself under names of its own. */
const OWN_FIELDS = [
  'first_name',
  'last_name',
  'title',
  'company',
  'phone',
  'address',
  'city',
  'state',
  'zip',
  'status',
]
const OWN_LISTS = ['custom_variables', 'tags', 'lead_campaign_data']
const STATISTICS = ['emails_sent', 'opens', 'unique_opens', 'replies', 'unique_replies', 'bounces']

export const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

/** Trimmed, without what Postgres's text refuses; undefined where it says nothing. */
export function text(value: Json | undefined): string | undefined {
  const plain =
    typeof value === 'string' ? storable(value).trim() : typeof value === 'number' ? String(value) : ''
  return plain === '' ? undefined : plain
}

/**
 * The filled fields of an event's lead: what is not here says nothing, and so wipes nothing. Custom variables fill what
 * the lead has no field for; their names come in many spellings, in any case.
 */
export function contactOf(lead: JsonObject): JsonObject {
  const variables = variablesOf(lead['custom_variables'])
  const contact: Record<string, Json> = {}
  for (const [field, names] of Object.entries(VARIABLES)) {
    const found = names.map((name) => variables.get(name)).find((value) => value !== undefined)
    if (found !== undefined) contact[field] = found
  }
  for (const field of OWN_FIELDS) {
    const value = text(lead[field])
    if (value !== undefined) contact[field] = value
  }
  for (const field of OWN_LISTS) {
    const list = lead[field]
    if (Array.isArray(list) && list.length > 0) contact[field] = list as Json
  }
  const statistics = STATISTICS.filter((name) => typeof lead[name] === 'number')
  if (statistics.length > 0)
    contact['overall_stats'] = Object.fromEntries(statistics.map((name) => [name, lead[name] ?? null]))
  return contact
}

function variablesOf(list: Json | undefined): Map<string, string> {
  const found = new Map<string, string>()
  if (!Array.isArray(list)) return found
  for (const entry of list) {
    const variable = object(entry as Json)
    const name = text(variable['name'])?.toLowerCase()
    const value = text(variable['value'])
    if (name !== undefined && value !== undefined && !found.has(name)) found.set(name, value)
  }
  return found
}
