// The revisions of the script as the tree that they are: which one is current, which has changes that are not saved; to begin a
// new one from any, to load another, to delete one. What cannot be done says why.

import { fill, make } from '../admin/elements'
import { counted } from '../admin/words'
import type { Desk } from './desk'
import { timeOf } from './banners'
import { whyNotChangeRevisions } from './modes'
import type { Revision } from './script_api'

export interface RevisionActions {
  branch: (from: Revision) => void
  load: (revision: Revision) => void
  remove: (revision: Revision) => void
}

/** Each revision behind its parent, with how deep it is in the tree. Parents that are unknown count as none. */
export function treeOf(revisions: Revision[]): { revision: Revision, depth: number }[] {
  const known = new Set(revisions.map(({ id }) => id))
  const children = new Map<number | null, Revision[]>()
  for (const revision of revisions) {
    const parent = revision.parent !== null && known.has(revision.parent) && revision.parent !== revision.id ? revision.parent : null
    children.set(parent, [...children.get(parent) ?? [], revision])
  }
  const tree: { revision: Revision, depth: number }[] = []
  const seen = new Set<number>()
  const add = (parent: number | null, depth: number) => {
    for (const revision of (children.get(parent) ?? []).sort((a, b) => a.number - b.number)) {
      if (seen.has(revision.id)) continue
      seen.add(revision.id)
      tree.push({ revision, depth })
      add(revision.id, depth + 1)
    }
  }
  add(null, 0)
  return tree
}

export interface Reasons { branch?: string, load?: string, remove?: string }

/** Why each cannot be done; members that are missing: it can. */
export function whyNot(revision: Revision, { current, isCurrentBusy, general }: { current: number | null, isCurrentBusy: boolean, general: string | undefined }): Reasons {
  if (general !== undefined) return { branch: general, load: general, remove: general }
  const reasons: Reasons = {}
  const busy = 'Somebody is in it, or it has unsaved changes: save or discard them, and have everybody leave edit mode.'
  if (revision.hasDraft) reasons.branch = reasons.remove = busy
  if (revision.parent === null) reasons.remove = 'The first revision stays: all others come from it.'
  if (revision.id === current) reasons.load = 'It is the current one.'
  else if (isCurrentBusy) reasons.load = 'The current revision is in work: everybody has to leave edit and cuts mode first.'
  return reasons
}

const MOST_DEPTH = 6

export class RevisionsPanel {
  readonly element: HTMLElement
  private readonly list = make('ul', { class: 'revisions', 'data-testid': 'revisions' })
  private readonly opened = new Set<number>()
  private signature = ''

  constructor(private readonly desk: Desk, private readonly actions: RevisionActions) {
    this.element = make('section', { class: 'card panel', 'aria-labelledby': 'revisions-title' }, make('h2', { id: 'revisions-title' }, 'Revisions'), this.list)
  }

  update(): void {
    const { current, revisions } = this.desk.revisions
    const general = whyNotChangeRevisions(this.desk.situation)
    const isCurrentBusy = this.desk.config.editors.length > 0 || this.desk.config.cutters.length > 0 || (this.desk.config.members ?? 0) > 0
    const rows = treeOf(revisions).map(({ revision, depth }) => ({ revision, depth, isCurrent: revision.id === current, reasons: whyNot(revision, { current, isCurrentBusy, general }) }))
    const signature = JSON.stringify(rows)
    if (signature === this.signature) return
    this.signature = signature
    fill(this.list, rows.map(({ revision, depth, isCurrent, reasons }) => {
      const action = (name: keyof Reasons, words: string, act: () => void, more = '') => make('button', {
        type: 'button', class: `button small ${more}`, disabled: reasons[name] !== undefined, title: reasons[name] ?? null, onclick: act
      }, words)
      const told = [...new Set([reasons.branch, reasons.remove, isCurrent ? undefined : reasons.load].filter((why) => why !== undefined))]
      const item = make('li', { 'data-revision': revision.id, class: isCurrent ? 'revision is-current' : 'revision', 'aria-current': isCurrent ? 'true' : null },
        make('details', { open: this.opened.has(revision.id), ontoggle: (event: Event) => this.onToggle(revision.id, (event.target as HTMLDetailsElement).open) },
          make('summary', {},
            make('span', { class: 'revision-number' }, String(revision.number)),
            make('span', { class: 'revision-words' }, make('span', { class: 'revision-title' }, revision.description === '' ? `Revision ${revision.number}` : revision.description),
              make('span', { class: 'hint' }, [revision.lines === undefined ? '' : counted(revision.lines, 'line'), timeOf(revision.edited)].filter((words) => words !== '').join(' · ')),
              (isCurrent || revision.hasDraft) && make('span', { class: 'chips' }, isCurrent && make('span', { class: 'chip current' }, 'Current'),
                revision.hasDraft && make('span', { class: 'chip busy' }, 'In work')))),
          make('div', { class: 'revision-actions' },
            !isCurrent && action('load', 'Load', () => this.actions.load(revision)),
            action('branch', 'New from this …', () => this.actions.branch(revision)),
            action('remove', 'Delete …', () => this.actions.remove(revision), 'danger-outline')),
          told.map((why) => make('p', { class: 'hint' }, why))))
      item.style.setProperty('--depth', String(Math.min(depth, MOST_DEPTH)))
      return item
    }))
  }

  private onToggle(id: number, isOpen: boolean): void {
    if (isOpen) this.opened.add(id)
    else this.opened.delete(id)
  }
}
