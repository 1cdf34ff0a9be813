//! The second factor: codes of an app, and codes on paper for whoever lost it.
//!
//! The app's key is sealed in the vault. A code is taken once: the step it was of is remembered, and codes of it or of an
//! earlier one are refused. Recovery codes have 80 random bits and are kept as digests. Failed codes count with failed
//! passwords, so that whoever knows the password has to wait like anybody else.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::people::digest;
use crate::totp;
use connect::SettingProblem;
use jiff::Timestamp;
use model::{Actor, ActorRole, Person};
use secrecy::{ExposeSecret as _, SecretString};

/// How many recovery codes are made.
const CODES: usize = 10;
/// Random bytes of each.
const CODE: usize = 10;
/// What apps show beside the code.
const ISSUER: &str = "rmmbridge";

/// How a person's second factor stands.
#[derive(Clone, Debug)]
pub struct FactorState {
    /// Since when they have one.
    pub since: Option<Timestamp>,
    /// Recovery codes that are left.
    pub codes_left: u32,
    /// The key they are setting up.
    pub setting_up: Option<NewFactor>,
    /// Whether an Owner wants everybody to have one.
    pub required: bool,
}

/// A key that is being set up.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// The key, to be typed into an app.
    pub key: SecretString,
    /// The same as an address, to be read by an app out of a QR code.
    pub address: SecretString,
}

fn wrong_code() -> Error {
    Error::input(
        "code",
        "This is not the code the app shows now. Codes change every 30 seconds, and each is taken once",
    )
}

/// Recovery codes are typed from paper: capitals, dashes and spaces do not matter.
fn folded(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

impl Engine {
    /// How one's own second factor stands.
    ///
    /// # Errors
    /// When the actor is no person, or the store fails.
    pub async fn my_second_factor(&self, actor: &Actor) -> Result<FactorState> {
        let person = self.acting_person(actor, "have a second factor").await?;
        let stored = self.store.second_factor(&person.id).await?;
        let setting_up = self.store.new_second_factor(&person.id).await?;
        Ok(FactorState {
            since: stored.as_ref().map(|factor| factor.since),
            codes_left: stored.map_or(0, |factor| factor.codes_left),
            setting_up: setting_up.map(|key| NewFactor {
                address: totp::address(key.expose_secret(), &person.name, ISSUER).into(),
                key,
            }),
            required: self.store.second_factor_required().await?,
        })
    }

    /// Begins to set up one's own second factor, with a new key. One that there is stands until a code of the new key was
    /// shown.
    ///
    /// # Errors
    /// When the actor is no person, or the password is not theirs: whoever finds a browser signed in must not be able to
    /// lock its person out.
    pub async fn begin_second_factor(&self, actor: &Actor, password: SecretString, from: &str) -> Result<()> {
        let person = self.acting_person(actor, "have a second factor").await?;
        self.own_password(&person, password, from).await?;
        let mut key = zeroize::Zeroizing::new([0_u8; totp::KEY]);
        self.store.random().fill(key.as_mut());
        let key = SecretString::from(totp::base32(key.as_ref()));
        Ok(self
            .acting(actor)
            .store
            .begin_second_factor(&person, &key)
            .await?)
    }

    /// Makes the key being set up one's second factor, once a code of it is shown; recovery codes, this once. All other
    /// sessions end.
    ///
    /// # Errors
    /// When nothing is being set up, or the code is not of it.
    pub async fn finish_second_factor(
        &self,
        actor: &Actor,
        code: &str,
        session: &str,
    ) -> Result<Vec<SecretString>> {
        let person = self.acting_person(actor, "have a second factor").await?;
        let Some(key) = self.store.new_second_factor(&person.id).await? else {
            return Err(Error::input(
                "code",
                "Nothing is being set up any more. Begin again",
            ));
        };
        let bytes = totp::from_base32(key.expose_secret()).unwrap_or_default();
        let seconds = self.clock().now().as_second();
        let step = totp::step_of(&bytes, code, seconds).ok_or_else(wrong_code)?;
        let (codes, digests) = self.recovery_codes();
        let keep = digest(session);
        self.acting(actor)
            .store
            .finish_second_factor(&person, &key, step, &digests, Some(&keep))
            .await?;
        Ok(codes)
    }

    /// New recovery codes in the place of those there are; shown this once.
    ///
    /// # Errors
    /// When the actor has no second factor, or the code is not right.
    pub async fn renew_recovery_codes(
        &self,
        actor: &Actor,
        code: &str,
        from: &str,
    ) -> Result<Vec<SecretString>> {
        let person = self.acting_person(actor, "have a second factor").await?;
        self.own_code(&person, code, from).await?;
        let (codes, digests) = self.recovery_codes();
        self.acting(actor)
            .store
            .replace_recovery_codes(&person, &digests)
            .await?;
        Ok(codes)
    }

    /// Does away with one's own second factor.
    ///
    /// # Errors
    /// When everybody needs one, or the code is not right.
    pub async fn drop_second_factor(&self, actor: &Actor, code: &str, from: &str) -> Result<()> {
        let person = self.acting_person(actor, "have a second factor").await?;
        if self.store.second_factor_required().await? {
            return Err(Error::input(
                "code",
                "An Owner wants everybody to have a second factor. To change the app, set it up again",
            ));
        }
        self.own_code(&person, code, from).await?;
        self.acting(actor).store.remove_second_factor(&person).await?;
        Ok(())
    }

    /// Takes somebody's second factor away, who lost it. They sign in by password alone then, or set up a new one.
    ///
    /// # Errors
    /// When the actor is no Owner, or there is no such person.
    pub async fn remove_second_factor_of(&self, actor: &Actor, id: &str) -> Result<bool> {
        require(actor, ActorRole::Owner, "take second factors away")?;
        crate::api_keys::require_no_program(actor, "take second factors away")?;
        let person = self.person_of(id).await?;
        Ok(self.acting(actor).store.remove_second_factor(&person).await?)
    }

    /// Whether everybody needs a second factor.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn second_factor_required(&self) -> Result<bool> {
        Ok(self.store.second_factor_required().await?)
    }

    /// Says whether everybody needs a second factor. Whoever has none is led to setting one up before anything else.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn require_second_factor(&self, actor: &Actor, required: bool) -> Result<()> {
        require(
            actor,
            ActorRole::Owner,
            "say whether everybody needs a second factor",
        )?;
        crate::api_keys::require_no_program(actor, "say whether everybody needs a second factor")?;
        Ok(self.acting(actor).store.require_second_factor(required).await?)
    }

    /// Takes a code of the person's app, or a recovery code; waits and counts like a password.
    pub(crate) async fn take_code(&self, person: &Person, typed: &str, from: &str) -> Result<bool> {
        let Some(factor) = self.store.second_factor(&person.id).await? else {
            return Ok(false);
        };
        let keys = crate::people::failure_keys(&person.name, from);
        self.must_not_wait_for(&keys).await?;
        let bytes = totp::from_base32(factor.key.expose_secret()).unwrap_or_default();
        let seconds = self.clock().now().as_second();
        let taken = match totp::step_of(&bytes, typed, seconds) {
            Some(step) => self.store.take_code_step(&person.id, step).await?,
            None => {
                let store = &self.acting(&person.actor()).store;
                store.use_recovery_code(person, &digest(&folded(typed))).await?
            }
        };
        if !taken {
            self.count_failure(&keys).await?;
        }
        Ok(taken)
    }

    async fn own_code(&self, person: &Person, code: &str, from: &str) -> Result<()> {
        match self.take_code(person, code, from).await? {
            true => Ok(()),
            false => Err(wrong_code()),
        }
    }

    fn recovery_codes(&self) -> (Vec<SecretString>, Vec<String>) {
        let one = || {
            let mut bytes = [0_u8; CODE];
            self.store.random().fill(&mut bytes);
            let text = totp::base32(&bytes);
            let groups: Vec<&str> = [0, 4, 8, 12]
                .iter()
                .filter_map(|at| text.get(*at..at + 4))
                .collect();
            (SecretString::from(groups.join("-").to_lowercase()), digest(&text))
        };
        (0..CODES).map(|_| one()).unzip()
    }
}

impl Error {
    /// What a person typed cannot be used, at this field.
    pub(crate) fn input(key: &str, message: &str) -> Self {
        Self::Input {
            problems: vec![SettingProblem {
                key: key.to_owned(),
                message: message.to_owned(),
            }],
        }
    }
}
