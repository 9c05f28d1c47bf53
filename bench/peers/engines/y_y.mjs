import { yjsLike } from './yjs.mjs'

export default () => yjsLike('@y/y', (doc, root) => doc.get(root))
