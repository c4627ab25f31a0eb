//! Opening the reader's browser without showing the token to other users of this machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::token::create_private_file;

/// A page on disk that leads to a link, readable by its owner alone; gone when dropped.
///
/// Arguments of programs are public (`ps`, `/proc`), and the link has the token in it: so the
/// browser is given this file's name instead.
pub struct Page(PathBuf);

impl Page {
    /// Writes the page that leads to `link` into the private folder `state_dir`.
    pub fn leading_to(link: &str, state_dir: &Path) -> io::Result<Self> {
        let path =
            std::path::absolute(state_dir)?.join(format!("open-{}.html", std::process::id()));
        // Of a process that had this number before and did not end in order.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_private_file(&path)?;
        let page = Self(path);
        // A link is made of characters that need no escapes in HTML.
        write!(
            file,
            "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"refresh\" content=\"0; url={link}\">\n<title>Wirebook</title>\n\
             <p><a href=\"{link}\">Open Wirebook</a></p>\n"
        )?;
        Ok(page)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // If it is gone, all is well.
        let _ = fs::remove_file(&self.0);
    }
}

/// Asks the system to show `page` in the reader's browser; does not wait for it.
pub fn open_browser(page: &Page) -> io::Result<()> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        // `start` takes its first quoted argument for a title.
        command.args(["/c", "start", ""]);
        command
    } else {
        Command::new("xdg-open")
    };
    let mut child = command
        .arg(page.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Some openers stay as long as the browser: nobody should wait for them, but a child that has
    // ended must be collected.
    std::thread::spawn(move || child.wait());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_leads_to_the_link_and_goes() {
        let link = "http://127.0.0.1:7878/#token=00ff";
        let page = Page::leading_to(link, &std::env::temp_dir()).unwrap();
        let path = page.path().to_owned();
        assert!(fs::read_to_string(&path).unwrap().contains(link));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(page);
        assert!(!path.exists());
    }
}
