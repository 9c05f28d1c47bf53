use crate::engine::{Engine, Patch};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, ReadDoc, TextEncoding, ROOT};

pub struct Automerge {
    doc: AutoCommit,
    text: ObjId,
    listening: bool,
    updates: Vec<Vec<u8>>,
}

impl Automerge {
    fn of(mut doc: AutoCommit, client: u64) -> Self {
        doc.set_actor(ActorId::from(client.to_be_bytes()));
        let (_, text) = doc.get(ROOT, "text").unwrap().unwrap();
        Automerge { doc, text, listening: false, updates: Vec::new() }
    }
}

impl Engine for Automerge {
    const VERSION: &'static str = "0.12.0";
    const FORMATS: &'static [&'static str] = &["save"];

    /// All replicas begin with the same change, which makes the text.
    fn create(client: u64) -> Self {
        let mut doc = AutoCommit::new_with_encoding(TextEncoding::Utf16CodeUnit);
        doc.set_actor(ActorId::from(0u64.to_be_bytes()));
        doc.put_object(ROOT, "text", ObjType::Text).unwrap();
        doc.commit_with(automerge::transaction::CommitOptions::default().with_time(0));
        Self::of(doc, client)
    }

    fn listen(&mut self) {
        self.listening = true;
    }

    fn take_updates(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.updates)
    }

    fn edit(&mut self, patches: &[Patch]) {
        for patch in patches {
            self.doc
                .splice_text(&self.text, patch.position, patch.deleted as isize, &patch.inserted)
                .unwrap();
        }
        self.doc.commit();
        if self.listening {
            self.updates.push(self.doc.get_last_local_change().unwrap().raw_bytes().to_vec());
        }
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.apply_changes([Change::from_bytes(update.to_vec()).unwrap()]).unwrap();
    }

    fn encode(&mut self, _format: &str) -> Vec<u8> {
        self.doc.save()
    }

    fn load(state: &[u8], _format: &str) -> Self {
        Self::of(AutoCommit::load(state).unwrap(), 1_000_000)
    }

    fn text(&self) -> String {
        self.doc.text(&self.text).unwrap()
    }
}
