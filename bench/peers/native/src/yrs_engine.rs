use crate::engine::{Engine, Patch};
use std::sync::{Arc, Mutex};
use yrs::updates::decoder::Decode;
use yrs::{
    ClientID, Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text,
    TextRef, Transact, Update,
};

pub struct Yrs {
    doc: Doc,
    text: TextRef,
    updates: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Engine for Yrs {
    const VERSION: &'static str = "0.28.1";
    const IS_YJS: bool = true;
    const FORMATS: &'static [&'static str] = &["v1", "v2"];

    fn create(client: u64) -> Self {
        let mut options = Options::with_client_id(ClientID::new(client));
        options.offset_kind = OffsetKind::Utf16;
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text("text");
        Yrs { doc, text, updates: Default::default() }
    }

    fn listen(&mut self) {
        let updates = self.updates.clone();
        self.doc
            .observe_update_v1("bench", move |_, event| {
                updates.lock().unwrap().push(event.update.clone())
            })
            .unwrap();
    }

    fn take_updates(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.updates.lock().unwrap())
    }

    fn edit(&mut self, patches: &[Patch]) {
        let mut transaction = self.doc.transact_mut();
        for patch in patches {
            if patch.deleted > 0 {
                self.text.remove_range(&mut transaction, patch.position as u32, patch.deleted as u32);
            }
            if !patch.inserted.is_empty() {
                self.text.insert(&mut transaction, patch.position as u32, &patch.inserted);
            }
        }
    }

    fn apply(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
    }

    fn encode(&mut self, format: &str) -> Vec<u8> {
        let transaction = self.doc.transact();
        if format == "v1" {
            transaction.encode_state_as_update_v1(&StateVector::default())
        } else {
            transaction.encode_state_as_update_v2(&StateVector::default())
        }
    }

    fn load(state: &[u8], format: &str) -> Self {
        let replica = Self::create(1_000_000);
        let update = if format == "v1" { Update::decode_v1(state) } else { Update::decode_v2(state) };
        replica.doc.transact_mut().apply_update(update.unwrap()).unwrap();
        replica
    }

    fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    fn merge(updates: &[Vec<u8>]) -> Option<Vec<u8>> {
        yrs::merge_updates_v1(updates).ok()
    }
}
