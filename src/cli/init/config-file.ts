import type { PlannedBoard, PlannedField } from './plan.ts'

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replace(/\r?\n/g, '\\n')}'`
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** The text of `lockstep.config.ts`. */
export function renderConfig(app: string, boards: readonly PlannedBoard[]): string {
  return `import { defineConfig, mondayBoards } from 'lockstep'

// Written by "lockstep init"; yours to edit. A field is a column of the table: the board column that it shows, by its
// id, and how it is read. A field that you add, rename or retype needs a migration that does the same to the table.
// A board column that no field names is kept in the table's column "extra", under its id. A date with a time of day
// is shown twice: as: 'date' gives the day, as: 'timestamp' the moment.
// The token and the webhooks' secret are in .env: MONDAY_TOKEN, MONDAY_WEBHOOK_SECRET.
export default defineConfig({
  apps: [
    mondayBoards({
      name: ${quote(app)},
      boards: [
${boards.map(renderBoard).join('\n')}
      ],
    }),
  ],
})
`
}

function renderBoard({ board, name, table, parentBoard, fields, leftOut }: PlannedBoard): string {
  const parent = parentBoard === undefined ? [] : [`          parentBoard: ${quote(parentBoard)},`]
  return [
    '        {',
    `          board: ${quote(board)},`,
    `          name: ${quote(name)},`,
    `          table: ${quote(table)},`,
    ...parent,
    '          fields: {',
    ...fields.map(renderField),
    ...leftOut.map(({ column, note }) => `            // left out: ${oneLine(column)}, ${oneLine(note)}`),
    '          },',
    '        },',
  ].join('\n')
}

const renderField = ({ name, column, as, note }: PlannedField): string =>
  `            ${name}: { column: ${quote(column)}, as: ${quote(as)} }, // ${oneLine(note)}`
