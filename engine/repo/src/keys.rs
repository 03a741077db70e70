//! Key slots: listing, adding, removing, changing a password.

use std::time::Duration;

use dtrvault_crypto::{Error as CryptoError, KeyRing, SlotRequest};
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::{MAX_SLOT_BYTES, MAX_SLOTS};
use dtrvault_format::names::{KEYS, Named};
use dtrvault_format::{Argon2Params, KeySlot, RepoId, Role, SlotHead, SlotId};
use dtrvault_store::StoreError;

use crate::backend::Backend;
use crate::error::{RepoError, Result};
use crate::repository::Repository;

/// What a new slot is to be.
#[derive(Debug, Clone)]
pub struct NewSlot {
    /// What its password shall give.
    pub role: Role,
    /// For people: whose it is.
    pub label: String,
    /// Cost of its password.
    pub argon2: Argon2Params,
}

/// What stands in `keys/`.
#[derive(Default)]
struct Slots {
    sound: Vec<(SlotId, KeySlot)>,
    /// Whose bytes do not have the hash in their name: no wrong password, whoever asks.
    damaged: Vec<RepoError>,
    /// Slots of other repositories: what a crashed creation leaves, or what all of them look like
    /// under a config whose id rotted.
    foreign: usize,
}

/// The slots of repository `repo`, oldest first, and those that rotted. One that is damaged,
/// foreign or one too many must not keep the others from opening the repository.
fn slots(backend: &Backend, repo: RepoId) -> Result<Slots> {
    let mut slots = Slots::default();
    for id in backend.list::<SlotId>(KEYS)?.into_iter().take(MAX_SLOTS) {
        let bytes = match backend.get_named(&id, MAX_SLOT_BYTES) {
            // Removed meanwhile.
            Err(RepoError::Store { source: StoreError::NotFound { .. }, .. }) => continue,
            Err(error) if error.is_damage() => {
                slots.damaged.push(error);
                continue;
            }
            bytes => bytes?,
        };
        match KeySlot::from_bytes(&bytes) {
            Ok(slot) if slot.head.repo == repo => slots.sound.push((id, slot)),
            Ok(_) => slots.foreign += 1,
            Err(_) => {}
        }
    }
    slots.sound.sort_by_key(|(id, slot)| (slot.head.created, *id));
    Ok(slots)
}

/// Finds the slot that `password` opens: cheap ones first, so that a hostile one, which asks
/// for all the memory there is, is the last to be tried.
pub(crate) fn unlock(
    backend: &Backend,
    password: &[u8],
    repo: RepoId,
    config_hash: [u8; 32],
) -> Result<(SlotId, KeyRing)> {
    let Slots { sound: mut slots, damaged, foreign } = slots(backend, repo)?;
    slots
        .sort_by_key(|(_, slot)| u64::from(slot.head.argon2.memory_kib) * u64::from(slot.head.argon2.passes));
    let url = || backend.url().to_owned();
    let mut failure = match damaged.first().and_then(RepoError::object) {
        Some(key) => RepoError::DamagedSlots { url: url(), slots: slots.len(), damaged: damaged.len(), key },
        None if slots.is_empty() && foreign > 0 => RepoError::ConfigChanged { url: url() },
        None => RepoError::WrongPassword { url: url(), slots: slots.len() },
    };
    for (id, slot) in &slots {
        match dtrvault_crypto::open_slot(slot, password) {
            Ok((ring, hash)) if hash == config_hash => return Ok((*id, ring)),
            Ok(_) => failure = RepoError::ConfigChanged { url: url() },
            Err(CryptoError::WrongPassword | CryptoError::EmptyPassword) => {}
            Err(source) => failure = RepoError::Unsealed { key: id.key(), source },
        }
    }
    Err(failure)
}

impl Repository {
    /// Every key slot, oldest first.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`], and those of the store.
    pub fn key_list(&self) -> Result<Vec<(SlotId, SlotHead)>> {
        self.need_full_key()?;
        Ok(slots(self.backend(), self.id())?.sound.into_iter().map(|(id, slot)| (id, slot.head)).collect())
    }

    /// What is wrong with key slots that rotted: their passwords open nothing any more.
    ///
    /// # Errors
    /// Those of the store.
    pub fn damaged_slots(&self) -> Result<Vec<RepoError>> {
        Ok(slots(self.backend(), self.id())?.damaged)
    }

    /// Adds a slot for `password`.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`], and those of the store.
    pub fn key_add(&self, password: &[u8], new: &NewSlot) -> Result<SlotId> {
        self.need_full_key()?;
        self.put_slot(password, new)
    }

    /// Removes the slot whose id begins with `prefix`.
    ///
    /// # Errors
    /// [`RepoError::LastFullKey`], [`RepoError::NoSuchId`], [`RepoError::AmbiguousId`],
    /// [`RepoError::NeedsFullKey`], and those of the store.
    pub fn key_remove(&self, prefix: &str) -> Result<SlotId> {
        self.need_full_key()?;
        let slots = slots(self.backend(), self.id())?.sound;
        let ids: Vec<SlotId> = slots.iter().map(|(id, _)| *id).collect();
        let id = crate::snapshots::by_prefix("key", prefix, &ids)?;
        let full_left = slots.iter().any(|(other, slot)| *other != id && slot.head.role == Role::Full);
        if !full_left {
            return Err(RepoError::LastFullKey);
        }
        self.backend().delete(&id.key())?;
        Ok(id)
    }

    /// Gives the slot that opened this repository another password: a new slot of the same
    /// role and label is written, then the old one removed.
    ///
    /// # Errors
    /// Those of the store.
    pub fn key_change_password(&self, password: &[u8], argon2: Argon2Params) -> Result<SlotId> {
        let slots = slots(self.backend(), self.id())?.sound;
        let label = slots.iter().find(|(id, _)| *id == self.slot()).map(|(_, slot)| slot.head.label.clone());
        let new = NewSlot { role: self.role(), label: label.unwrap_or_default(), argon2 };
        let id = self.put_slot(password, &new)?;
        self.backend().delete(&self.slot().key())?;
        Ok(id)
    }

    fn put_slot(&self, password: &[u8], new: &NewSlot) -> Result<SlotId> {
        let request = SlotRequest {
            role: new.role,
            argon2: new.argon2,
            repo: self.id(),
            config_hash: self.config_hash(),
            label: &new.label,
            created: self.options().clock.now(),
        };
        let slot = dtrvault_crypto::seal_slot(self.ring(), password, &request)?;
        self.backend().create_named(slot.to_bytes())
    }
}

/// What trying a password costs, of one processor's time. Every run pays it once.
const PASSWORD_COST: Duration = Duration::from_millis(250);

/// Cost of a new password, measured on this machine.
///
/// # Errors
/// [`dtrvault_crypto::Error::Argon2`].
pub fn tuned_argon2() -> std::result::Result<Argon2Params, CryptoError> {
    dtrvault_crypto::tune(PASSWORD_COST)
}
