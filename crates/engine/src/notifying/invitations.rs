//! Invitations by e-mail, through the mail server of a notification channel: a hub has one place for such settings.

use super::ChannelSettings;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::mail::check_address;
use model::{Actor, ActorRole};
use store::ChannelRow;

impl Engine {
    /// The mail server invitations can be sent through; `None` when no channel has one.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn mail_server(&self, actor: &Actor) -> Result<Option<String>> {
        require(actor, ActorRole::Owner, "see mail servers")?;
        let found = self.mail_channel().await?;
        Ok(found.and_then(|(_, settings)| match settings {
            ChannelSettings::Mail { host, .. } => Some(host),
            _ => None,
        }))
    }

    /// Sends somebody the link of their invitation; the mail server's own answer.
    ///
    /// # Errors
    /// When the actor is no Owner, the name is no e-mail address, there is no mail server, or it does not take the message.
    pub async fn mail_invitation(&self, actor: &Actor, name: &str, link: &str) -> Result<String> {
        require(actor, ActorRole::Owner, "send invitations")?;
        self.require_confirmed_instance().await?;
        if !name.contains('@') || check_address(name).is_err() {
            return Err(Error::input("mail", "the name is no e-mail address"));
        }
        let Some((row, settings)) = self.mail_channel().await? else {
            return Err(Error::input(
                "mail",
                "there is no mail server. Add one under Notifications, as a channel for e-mail",
            ));
        };
        let to = [name.to_owned()];
        let text = format!(
            "You are invited to rmmbridge.\n\n\
             Choose a password here; the link works once, and for three days:\n{link}\n\n\
             You sign in as: {name}\n\n\
             If you do not expect this, leave it: without the link nothing happens.\n"
        );
        let id = format!("invitation-{}", self.store.new_id());
        let subject = "Your invitation to rmmbridge";
        let sent = self
            .mail_through(&row, &settings, &to, (subject, &text), &id)
            .await?;
        sent.map_err(Error::outside(&row.name))
    }

    async fn mail_channel(&self) -> Result<Option<(ChannelRow, ChannelSettings)>> {
        for row in self.store.channels().await? {
            let settings = super::settings(&row)?;
            if matches!(settings, ChannelSettings::Mail { .. }) {
                return Ok(Some((row, settings)));
            }
        }
        Ok(None)
    }
}
