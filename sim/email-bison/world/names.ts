import { hash } from './hash.ts'

const FIRST_WORDS = ['Northwind', 'Bluebird', 'Copper', 'Harbor', 'Juniper', 'Lantern', 'Meadow', 'Orchard']
const LAST_WORDS = ['Insurance', 'Agency', 'Partners', 'Coverage', 'Group', 'Brokers', 'Advisors']
const PEOPLE = [
  'Pat',
  'Alex',
  'Sam',
  'Jordan',
  'Casey',
  'Riley',
  'Morgan',
  'Jamie',
  'Robin',
  'Dana',
  'Lee',
  'Kim',
]
const FAMILIES = [
  'Doe',
  'Reed',
  'Hill',
  'Ward',
  'Lane',
  'Ford',
  'Cole',
  'Webb',
  'Nash',
  'Page',
  'Wolf',
  'Dean',
]
const TITLES = [null, null, 'Owner', 'President', 'Office Manager', 'CFO']
const STATES = ['AL', 'TX', 'FL', 'OH', 'GA', 'MI', 'TN', 'IL']
const CAMPAIGNS = [
  'Evergreen',
  'Renewals',
  'Home and Auto',
  'Commercial',
  'Winback',
  'Trucking',
  'Referral',
  'Life',
]

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

/** The `index`th agency of an instance; every ninth was typed with a space at its end. */
export function workspaceName(seed: number, index: number): string {
  const n = index + (seed % 7)
  const round = Math.floor(index / (FIRST_WORDS.length * LAST_WORDS.length))
  const name = `${at(FIRST_WORDS, n)} ${at(LAST_WORDS, n)}${round === 0 ? '' : ` ${round + 1}`}`
  return index % 9 === 4 ? `${name} ` : name
}

export function campaignName(index: number): string {
  const round = Math.floor(index / CAMPAIGNS.length)
  return `${at(CAMPAIGNS, index)} Campaign${round === 0 ? '' : ` ${round + 1}`}`
}

export function firstName(n: number): string {
  return at(PEOPLE, hash(n, 1))
}

export function lastName(n: number): string {
  return at(FAMILIES, hash(n, 2))
}

export function companyOf(n: number): string | null {
  return hash(n, 3) % 3 === 0
    ? null
    : `${lastName(n * 7)} ${at(['Roofing', 'Logistics', 'Dental', 'Farms'], hash(n, 4))}`
}

export function titleOf(n: number): string | null {
  return at(TITLES, hash(n, 5))
}

/** Ends in `.test`, which no one can own. */
export function leadAddress(n: number): string {
  return `${firstName(n).toLowerCase()}.${lastName(n).toLowerCase()}.${n}@prospects.test`
}

/** Pairs of name and value, spelled as differently as people's spreadsheets spell them. */
export function customVariables(n: number): { name: string; value: string }[] {
  const phone = `(205) 555-0${String(hash(n, 6) % 1000).padStart(3, '0')}`
  const variables = [
    { name: at(['Phone', 'phone number', 'Cell Phone', 'company phone'], hash(n, 7)), value: phone },
    { name: at(['State', 'state'], hash(n, 8)), value: at(STATES, hash(n, 9)) },
  ]
  return hash(n, 10) % 4 === 0 ? variables.slice(0, 1) : variables
}
