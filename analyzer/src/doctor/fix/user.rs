//! The user that a rule is for.

/// The user that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUser {
    /// User id. Rules use it because names could be misinterpreted.
    pub uid: u32,
    /// Name, for messages.
    pub name: String,
}

impl RuleUser {
    /// Returns the user who runs this process, or who ran `sudo` if it runs as root. `None`
    /// if that is root.
    pub fn here() -> Option<Self> {
        let variable = |name| std::env::var(name).ok();
        let (uid, name) = match is_root() {
            true => (variable("SUDO_UID")?.parse().ok()?, variable("SUDO_USER")),
            false => (own_uid()?, variable("USER")),
        };
        let name = name.unwrap_or_else(|| uid.to_string());
        (uid != 0).then_some(Self { uid, name })
    }
}

#[cfg(unix)]
fn own_uid() -> Option<u32> {
    // SAFETY: getuid has no preconditions and cannot fail.
    Some(unsafe { libc::getuid() })
}

#[cfg(not(unix))]
fn own_uid() -> Option<u32> {
    None
}

/// Returns whether this process runs as root.
pub(super) fn is_root() -> bool {
    #[cfg(unix)]
    // SAFETY: geteuid has no preconditions and cannot fail.
    return unsafe { libc::geteuid() } == 0;
    #[cfg(not(unix))]
    false
}
