import { mirrorDisplay, textOf, valueOf } from '../columns/display.ts'
import { formulaDisplay } from '../columns/formula.ts'
import { cellOf, changedAt } from '../columns/kind.ts'
import { kindOf } from '../columns/kinds.ts'
import { dropdownNames, isDone, statusLabel, statusStyle } from '../columns/label-kinds.ts'
import { linkedItems, linkedNames, mirroredCells } from '../columns/link-kinds.ts'
import { peopleOf } from '../columns/contact-kinds.ts'
import { dateParts } from '../columns/time-kinds.ts'
import { type CellRef, toSeconds } from '../world/model.ts'
import type { ApiContext } from './context.ts'
import type { Resolver, Resolvers } from './run-plan.ts'

type CellResolver = (ref: CellRef, context: ApiContext) => unknown

function forCells(fields: Record<string, CellResolver>): Record<string, Resolver<ApiContext>> {
  const entries = Object.entries(fields).map(([name, resolve]): [string, Resolver<ApiContext>] => [
    name,
    (source, _args, context) => resolve(source as CellRef, context),
  ])
  return Object.fromEntries(entries)
}

const COMMON: Record<string, CellResolver> = {
  column: (ref) => ref.column,
  id: (ref) => ref.column.id,
  is_leaf: () => true,
  text: textOf,
  type: (ref) => ref.column.type,
  value: valueOf,
  updated_at: (ref) => (cellOf(ref) === undefined ? null : toSeconds(changedAt(ref))),
}

const field = (ref: CellRef, key: string): unknown =>
  (cellOf(ref) as Record<string, unknown> | undefined)?.[key] ?? null

const LINKS: Record<string, CellResolver> = {
  display_value: linkedNames,
  linked_item_ids: (ref) => linkedItems(ref).map((item) => String(item.id)),
  linked_items: (ref, context) => context.views(linkedItems(ref)),
}

const OWN: Record<string, Record<string, CellResolver>> = {
  StatusValue: {
    index: (ref) => cellOf(ref) ?? null,
    is_done: (ref) => (cellOf(ref) === undefined ? null : isDone(ref.column, cellOf(ref))),
    label: (ref) => statusLabel(ref.column, cellOf(ref)),
    label_style: (ref) => statusStyle(cellOf(ref)),
    update_id: () => null,
  },
  DropdownValue: {
    values: (ref) => {
      const cell = cellOf(ref)
      const names = dropdownNames(ref, cell)
      return ((cell ?? []) as number[]).map((id, i) => ({ id: String(id), label: names[i] }))
    },
  },
  DateValue: {
    date: (ref) => date(ref)?.date ?? '',
    time: (ref) => date(ref)?.time ?? '',
    icon: () => '',
  },
  NumbersValue: {
    number: (ref) => (cellOf(ref) === undefined ? null : Number(cellOf(ref))),
    symbol: (ref) => (ref.column.settings['unit'] as { symbol?: string } | undefined)?.symbol ?? '',
    direction: () => 'left',
  },
  PeopleValue: {
    persons_and_teams: (ref) => peopleOf(cellOf(ref)).map(({ id, kind }) => ({ id: String(id), kind })),
  },
  TextValue: {},
  LongTextValue: {},
  LastUpdatedValue: {
    updated_at: (ref) => toSeconds(ref.item.updatedAt),
    updater: (ref, context) => context.world.users.get(ref.item.updaterId),
    updater_id: (ref) => String(ref.item.updaterId),
  },
  CreationLogValue: {
    created_at: (ref) => toSeconds(ref.item.createdAt),
    creator: (ref, context) => context.world.users.get(ref.item.creatorId),
    creator_id: (ref) => String(ref.item.creatorId),
  },
  BoardRelationValue: LINKS,
  DependencyValue: LINKS,
  MirrorValue: {
    display_value: (ref) => mirrorDisplay(ref),
    mirrored_items: (ref, context) => mirroredCells(ref).filter((cell) => context.sees(cell.item.board)),
  },
  FormulaValue: {
    display_value: (ref, context) => (context.affordsFormula(ref.column) ? formulaDisplay(ref) : ''),
  },
  SubtasksValue: {
    display_value: linkedNames,
    subitems: (ref, context) => context.views(linkedItems(ref)),
    subitems_ids: (ref) => linkedItems(ref).map((item) => String(item.id)),
  },
  CheckboxValue: { checked: (ref) => cellOf(ref) === 1 },
  EmailValue: { email: (ref) => field(ref, 'email'), label: (ref) => field(ref, 'text') },
  LinkValue: { url: (ref) => field(ref, 'url'), url_text: (ref) => field(ref, 'text') },
  PhoneValue: {
    phone: (ref) => field(ref, 'phone'),
    country_short_name: (ref) => field(ref, 'countryShortName'),
  },
  TimelineValue: { from: (ref) => field(ref, 'from'), to: (ref) => field(ref, 'to') },
  CountryValue: {
    country: (ref) =>
      cellOf(ref) === undefined ? null : { code: field(ref, 'countryCode'), name: field(ref, 'countryName') },
  },
  RatingValue: { rating: (ref) => cellOf(ref) ?? null },
  TagsValue: {
    tag_ids: (ref) => cellOf(ref) ?? [],
    tags: (ref, context) =>
      ((cellOf(ref) ?? []) as number[]).map((id) => ({
        id: String(id),
        name: context.world.tags.get(id) ?? '',
        color: '#00c875',
      })),
  },
  ItemIdValue: { item_id: (ref) => String(ref.item.id) },
  FileValue: {},
  UnsupportedValue: {},
}

function date(ref: CellRef): { date: string; time: string | null } | undefined {
  const cell = cellOf(ref) as string | undefined
  return cell === undefined ? undefined : dateParts(cell)
}

export const valueResolvers: Resolvers<ApiContext> = {
  ...Object.fromEntries(Object.entries(OWN).map(([type, own]) => [type, forCells({ ...COMMON, ...own })])),
  MirroredItem: forCells({
    linked_board: (ref) => ref.item.board,
    linked_board_id: (ref) => ref.item.board.id,
    linked_item: (ref) => ref.item,
    mirrored_value: (ref) => ref,
  }),
}

/** The concrete GraphQL type of a column value. */
export function typeOfCell(source: unknown): string {
  return kindOf((source as CellRef).column.type).graphql
}
