//! Users, groups and roles.

use super::{Level, Read, Reader};
use crate::Kind;
use crate::account::Role;
use crate::lexer::TokenKind;

/// What a user can be given that reaches no table: the rest of the options (CREATEUSER, IN GROUP, SET, ownership) does.
const HARMLESS: [&str; 18] = [
    "with",
    "password",
    "disable",
    "valid",
    "until",
    "connection",
    "limit",
    "unlimited",
    "session",
    "timeout",
    "nocreatedb",
    "nocreateuser",
    "syslog",
    "access",
    "restricted",
    "reset",
    "sha256",
    "md5",
];

impl Reader<'_, '_> {
    /// Whether a user, a group, a role or an identity provider is next.
    pub(super) fn eat_user_word(&mut self, level: &mut Level) -> bool {
        self.eat_any(level, &["user", "group", "role", "identity provider"])
    }

    /// `name [options]` behind CREATE or ALTER of users and their groups.
    pub(super) fn user(&mut self, level: &mut Level, kind: Kind) -> Read {
        self.kind = Some(kind);
        self.eat(level, "if not exists");
        let named = self
            .peek(level)
            .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName));
        if !named {
            return self.leave(level);
        }
        self.name(level, Role::Other)?;
        // A reset of a parameter is one of the settings of the user's sessions.
        if self.is(level, "reset") {
            return self.leave(level);
        }
        self.options(level, &HARMLESS)
    }

    /// `[IF EXISTS] names` behind DROP.
    pub(super) fn drop_users(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::DropUser);
        self.eat(level, "if exists");
        self.name_list(level, Role::Other)?;
        self.rest(level)
    }
}
