/** Postgres cuts longer names. */
const LENGTH_MAX = 63
/** Room for `_ids` or `_at` behind a name. */
const STEM_MAX = LENGTH_MAX - 4

/** Words that Postgres takes as a name only in quotes. https://www.postgresql.org/docs/current/sql-keywords-appendix.html */
const RESERVED = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
  unique user using variadic verbose when where window with`.split(/\s+/),
)

/** What the mirror and Postgres itself keep in every table. */
const SYSTEM = [
  'monday_id', 'id', 'extra', '_stamp', '_stamps', '_digest', 'last_synced_at', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid',
] // prettier-ignore

/** Letters that Unicode does not take apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', '&': ' and ', '%': ' percent ',
} // prettier-ignore

/** A title as a lower-case SQL name; '' where nothing of it can be one. */
export function snakeCase(title: string): string {
  const plain = title
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[ßæœøłđðþı&%]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
  return plain.replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '')
}

/** Gives names that are plain, unused, and no word of SQL's. */
export class Namer {
  private readonly used: Set<string>
  private readonly noun: string

  /** @param noun what is named, for titles that need another word: `column`, `board` */
  constructor(noun: string, taken: readonly string[] = []) {
    this.noun = noun
    this.used = new Set(taken)
  }

  /** A namer for the columns of one table. */
  static forColumns(): Namer {
    return new Namer('column', SYSTEM)
  }

  /** @param fallback an id, for a title without a single Latin letter or digit */
  name(title: string, fallback: string): string {
    const base = snakeCase(title) || snakeCase(fallback) || this.noun
    const word = /^\d/.test(base)
      ? `${this.noun}_${base}`
      : RESERVED.has(base)
        ? `${base}_${this.noun}`
        : base
    return this.claim(word)
  }

  /** The name as it is, or with a number behind it where it is used. */
  claim(wanted: string): string {
    const stem = wanted.slice(0, STEM_MAX).replace(/_+$/, '')
    let name = stem
    for (let n = 2; this.used.has(name); n++) name = `${stem.slice(0, STEM_MAX - 4)}_${n}`
    this.used.add(name)
    return name
  }
}
