//! The secret that tells the reader from everyone else on this machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use subtle::ConstantTimeEq as _;
use tracing::warn;

/// 256 bits; the shortest that would do is 128.
const RANDOM_BYTES: usize = 32;

/// In hexadecimal digits.
const TOKEN_CHARS: usize = RANDOM_BYTES * 2;

/// The gateway's secret. Neither `Debug` nor `Display`, so that it cannot slip into a log.
pub(super) struct Token(String);

impl Token {
    /// The token kept in `state_dir`, so that a restart does not lock open pages out; a new one if
    /// there is none, or if others may have read or written it.
    pub(super) fn keep_in(state_dir: &Path) -> anyhow::Result<Self> {
        create_private_dir(state_dir)
            .with_context(|| format!("cannot create the folder {}", state_dir.display()))?;
        let path = state_dir.join("token");
        Self::keep_at(&path).with_context(|| format!("cannot keep the token in {}", path.display()))
    }

    fn keep_at(path: &Path) -> anyhow::Result<Self> {
        // Nothing is written if there is one: the disk may be full, or the folder read-only.
        let problem = match read(path) {
            Ok(Some(token)) => return Ok(token),
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        let fresh = Draft::beside(path)?;
        if problem.is_none() {
            match fs::hard_link(&fresh.path, path) {
                Ok(()) => return Ok(fresh.into_token()),
                // If another gateway was quicker its token is ours too.
                Err(_) => {
                    if let Ok(Some(token)) = read(path) {
                        return Ok(token);
                    }
                }
            }
        }
        if let Some(problem) = problem {
            warn!(
                path = %path.display(), problem,
                "the kept token is replaced: open pages must be opened anew with the new link"
            );
        }
        fs::rename(&fresh.path, path)?;
        Ok(fresh.into_token())
    }

    /// The token as it stands in the link.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `guess` is the token, in a time that tells nothing about where they differ.
    pub(super) fn is(&self, guess: &str) -> bool {
        self.0.as_bytes().ct_eq(guess.as_bytes()).into()
    }
}

/// The kept token, if there is one; or why it cannot be trusted.
fn read(path: &Path) -> Result<Option<Token>, &'static str> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("it cannot be read"),
    };
    if !metadata.is_file() {
        return Err("it is not a plain file");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.mode() & 0o077 != 0 {
            return Err("others can read it");
        }
        if metadata.uid() != nix::unistd::geteuid().as_raw() {
            return Err("it belongs to another user");
        }
    }
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(TOKEN_CHARS as u64 + 2).read_to_string(&mut text))
        .map_err(|_| "it cannot be read")?;
    let text = text.trim_end();
    if text.len() != TOKEN_CHARS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("it is damaged");
    }
    Ok(Some(Token(text.to_owned())))
}

/// A new token in a file of its own, complete before it gets its final name.
struct Draft {
    path: PathBuf,
    token: String,
}

impl Draft {
    fn beside(path: &Path) -> anyhow::Result<Self> {
        let token = random_hex(RANDOM_BYTES)?;
        let path = path.with_extension(format!("{}.new", random_hex(8)?));
        create_private_file(&path)?.write_all(token.as_bytes())?;
        Ok(Self { path, token })
    }

    fn into_token(mut self) -> Token {
        Token(std::mem::take(&mut self.token))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was renamed into place.
        let _ = fs::remove_file(&self.path);
    }
}

fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Creates a file that only its owner can read; fails if something of that name exists.
pub(super) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test alone, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("wirebook-token-{}", random_hex(8).unwrap());
            Self(std::env::temp_dir().join(name))
        }

        fn token(&self) -> String {
            Token::keep_in(&self.0).unwrap().reveal().to_owned()
        }

        fn file(&self) -> PathBuf {
            self.0.join("token")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_token_is_kept() {
        let folder = Folder::new();
        let token = folder.token();
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(folder.token(), token);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn two_machines_never_share_a_token() {
        assert_ne!(Folder::new().token(), Folder::new().token());
    }

    #[test]
    fn a_damaged_token_is_replaced() {
        let folder = Folder::new();
        let token = folder.token();
        for damage in [
            "",
            "abc",
            &token[1..],
            &format!("{token}00"),
            &"g".repeat(TOKEN_CHARS),
        ] {
            fs::write(folder.file(), damage).unwrap();
            let new = folder.token();
            assert_eq!(new.len(), TOKEN_CHARS);
            assert_ne!(new, token);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let token = folder.token();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        assert_eq!(mode(&folder.file()), 0o600);

        fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(
            folder.token(),
            token,
            "a token that others could read is no secret"
        );
        assert_eq!(mode(&folder.file()), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = Folder::new();
        let token = folder.token();
        let elsewhere = folder.0.join("elsewhere");
        fs::rename(folder.file(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.file()).unwrap();
        assert_ne!(folder.token(), token);
    }

    #[test]
    fn a_guess_is_the_token_or_not() {
        let folder = Folder::new();
        let token = Token::keep_in(&folder.0).unwrap();
        assert!(token.is(token.reveal()));
        for guess in [
            "",
            &token.reveal()[1..],
            &format!("{}0", token.reveal()),
            "0",
        ] {
            assert!(!token.is(guess));
        }
    }
}
