//! What the engines have in common: one text, edited, sent, stored.

#[derive(Clone)]
pub struct Patch {
    pub position: usize, // UTF-16 code units
    pub deleted: usize,
    pub inserted: String,
}

pub trait Engine: Sized {
    const VERSION: &'static str;
    /// Whether it speaks the updates of Yjs.
    const IS_YJS: bool = false;
    /// Names of the formats that states have.
    const FORMATS: &'static [&'static str];

    fn create(client: u64) -> Self;
    /// From now on updates of local edits are made and kept.
    fn listen(&mut self);
    fn take_updates(&mut self) -> Vec<Vec<u8>>;
    /// One transaction.
    fn edit(&mut self, patches: &[Patch]);
    fn apply(&mut self, update: &[u8]);
    fn encode(&mut self, format: &str) -> Vec<u8>;
    fn load(state: &[u8], format: &str) -> Self;
    fn text(&self) -> String;
    /// Joins updates without a document.
    fn merge(_updates: &[Vec<u8>]) -> Option<Vec<u8>> {
        None
    }
}
