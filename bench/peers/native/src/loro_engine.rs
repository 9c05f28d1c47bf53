use crate::engine::{Engine, Patch};
use loro::{ExportMode, LoroDoc, LoroText, Subscription};
use std::sync::{Arc, Mutex};

pub struct Loro {
    doc: LoroDoc,
    text: LoroText,
    updates: Arc<Mutex<Vec<Vec<u8>>>>,
    subscription: Option<Subscription>,
}

impl Engine for Loro {
    const VERSION: &'static str = "1.17.1";
    const FORMATS: &'static [&'static str] = &["snapshot", "update"];

    fn create(client: u64) -> Self {
        let doc = LoroDoc::new();
        doc.set_peer_id(client).unwrap();
        let text = doc.get_text("text");
        Loro { doc, text, updates: Default::default(), subscription: None }
    }

    fn listen(&mut self) {
        let updates = self.updates.clone();
        self.subscription = Some(self.doc.subscribe_local_update(Box::new(move |update| {
            updates.lock().unwrap().push(update.clone());
            true
        })));
    }

    fn take_updates(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.updates.lock().unwrap())
    }

    fn edit(&mut self, patches: &[Patch]) {
        for patch in patches {
            if patch.deleted > 0 {
                self.text.delete_utf16(patch.position, patch.deleted).unwrap();
            }
            if !patch.inserted.is_empty() {
                self.text.insert_utf16(patch.position, &patch.inserted).unwrap();
            }
        }
        self.doc.commit();
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.import(update).unwrap();
    }

    fn encode(&mut self, format: &str) -> Vec<u8> {
        let mode = if format == "snapshot" { ExportMode::Snapshot } else { ExportMode::all_updates() };
        self.doc.export(mode).unwrap()
    }

    fn load(state: &[u8], _format: &str) -> Self {
        let replica = Self::create(1_000_000);
        replica.doc.import(state).unwrap();
        replica
    }

    fn text(&self) -> String {
        self.text.to_string()
    }
}
