//! What a table of `switches.toml` says of a switch.
//!
//! ```toml
//! [lab]
//! path = "/run/lab"     # the directory; ~/ is the user's home
//! port = 3              # 1 to 8388607
//! mode = "0660"         # or 0o660
//! group = "lab"         # or a number
//! wait = true           # or seconds
//! reconnect = 30        # or true, false
//! ```

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};
use vde_args::{PORT_MAX, Reconnect, TIMEOUT_MAX, Wait};
use vde_exec::vde_proto::{PortNumber, PortRequest, Vnl};
use vdeq_protocol::is_name;

/// A switch that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// Where that is said: the file, and the line in it, from 1.
    pub(crate) source: (std::path::PathBuf, usize),
    /// The directory of the switch, from the root.
    pub(crate) path: Vec<u8>,
    pub(crate) port: Option<PortRequest>,
    pub(crate) mode: Option<u32>,
    pub(crate) group: Option<Vec<u8>>,
    /// What `--wait` says, if it is not given.
    pub(crate) wait: Option<Wait>,
    /// What `--reconnect` says, if it is not given.
    pub(crate) reconnect: Option<Reconnect>,
}

impl Named {
    /// The locator in force where this name was given, with whatever else was said there.
    pub(crate) fn complete(&self, given: Vnl) -> Vnl {
        Vnl {
            path: self.path.clone(),
            port: given.port.or(self.port),
            group: given.group.or_else(|| self.group.clone()),
            mode: given.mode.or(self.mode),
        }
    }

    /// What `-v` says of it.
    pub(crate) fn in_words(&self) -> String {
        let path = String::from_utf8_lossy(&self.path);
        let (file, line) = &self.source;
        format!("{} is {path}, as {} says in line {line}", self.name, file.display())
    }
}

/// What can be said of a switch.
const KEYS: [&str; 6] = ["path", "port", "mode", "group", "wait", "reconnect"];

/// What is wrong, and where.
type Wrong = (String, Range<usize>);

/// The switches that a file names, in the order of their names.
///
/// # Errors
/// The first thing that makes no sense, and the bytes of the text that it is about.
pub(super) fn read(text: &str, file: &Path, home: Option<&Path>) -> Result<Vec<Named>, Wrong> {
    let document = DeTable::parse(text).map_err(|error| {
        // What is said of a whole line is said in two.
        let what = error.message().replace('\n', ": ");
        (what, error.span().unwrap_or(text.len()..text.len()))
    })?;
    document.get_ref().iter().map(|(key, value)| named(key, value, text, file, home)).collect()
}

fn named(
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    text: &str,
    file: &Path,
    home: Option<&Path>,
) -> Result<Named, Wrong> {
    let name = key.get_ref().to_string();
    let means_itself = Vnl::parse(name.as_bytes()).is_ok_and(|vnl| vnl.path == name.as_bytes());
    if !is_name(name.as_bytes()) || !means_itself {
        let what = format!("{name:?} is no name: expected one without a slash, brackets or quotes");
        return Err((what, key.span()));
    }
    let DeValue::Table(table) = value.get_ref() else {
        let what = match KEYS.contains(&name.as_str()) {
            true => format!("`{name}` stands above every switch: expected [NAME] before it"),
            false => format!("`{name}` is no table: expected [{name}]"),
        };
        return Err((what, value.span()));
    };
    let line = text.get(..key.span().start).unwrap_or_default().matches('\n').count() + 1;
    let mut path = None;
    let mut named = Named {
        source: (file.to_owned(), line),
        path: Vec::new(),
        port: None,
        mode: None,
        group: None,
        wait: None,
        reconnect: None,
        name,
    };
    for (key, value) in table {
        let field =
            Field { key: key.get_ref(), value: value.get_ref(), text: text.get(value.span()) };
        let wrong = |expected: String| (field.not(&expected), value.span());
        match field.key {
            "path" => path = Some(field.path(home).map_err(wrong)?),
            "port" => named.port = Some(field.port().map_err(wrong)?),
            "mode" => named.mode = Some(field.mode().map_err(wrong)?),
            "group" => named.group = Some(field.group().map_err(wrong)?),
            "wait" => named.wait = field.wait().map_err(wrong)?,
            "reconnect" => named.reconnect = Some(field.reconnect().map_err(wrong)?),
            other => {
                let what = format!(
                    "`{other}` is nothing that a switch has: expected path, port, mode, group, wait or \
                     reconnect"
                );
                return Err((what, key.span()));
            }
        }
    }
    let missing = || {
        let what = format!("`{}` has no path: expected path = \"DIRECTORY\" below it", named.name);
        (what, key.span())
    };
    named.path = path.ok_or_else(missing)?;
    Ok(named)
}

/// One `key = value`.
struct Field<'a> {
    key: &'a str,
    value: &'a DeValue<'a>,
    /// The value as it was written.
    text: Option<&'a str>,
}

/// A value, or what was expected.
type Read<T> = Result<T, String>;

impl Field<'_> {
    /// What to say of a value that is not what was expected.
    fn not(&self, expected: &str) -> String {
        const SHOWN: usize = 60;
        let text = self.text.unwrap_or_default();
        let shown: String = text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        format!("{shown} is no `{}`: expected {expected}", self.key)
    }

    fn path(&self, home: Option<&Path>) -> Read<Vec<u8>> {
        let expected = || "a path in a string that begins with / or ~/".to_owned();
        let DeValue::String(text) = self.value else { return Err(expected()) };
        let in_home = text.strip_prefix("~/").map(|rest| rest.trim_start_matches('/'));
        match (in_home, home) {
            _ if text.contains('\0') => Err(expected()),
            (Some(rest), Some(home)) => Ok(home.join(rest).as_os_str().as_bytes().to_vec()),
            (Some(_), None) => Err("one that begins with /, since there is no HOME".to_owned()),
            (None, _) if text.starts_with('/') => Ok(text.as_bytes().to_vec()),
            (None, _) => Err(expected()),
        }
    }

    fn port(&self) -> Read<PortRequest> {
        let number = self.integer().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number <= PORT_MAX).and_then(PortNumber::new);
        number.map(PortRequest::Number).ok_or_else(|| format!("a number from 1 to {PORT_MAX}"))
    }

    fn mode(&self) -> Read<u32> {
        let digits = match self.value {
            DeValue::String(text) => Some(&**text),
            // 660 would be something else than it looks like.
            DeValue::Integer(number) if number.radix() == 8 => Some(number.as_str()),
            _ => None,
        };
        let is_octal = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let mode = digits.filter(is_octal).and_then(|text| u32::from_str_radix(text, 8).ok());
        mode.filter(|mode| (1..=0o777).contains(mode))
            .ok_or_else(|| "octal digits in a string, such as \"0660\"".to_owned())
    }

    fn group(&self) -> Read<Vec<u8>> {
        let number = self.integer().and_then(|number| u32::try_from(number).ok());
        match (self.value, number) {
            (DeValue::String(text), _) if !text.is_empty() => Ok(text.as_bytes().to_vec()),
            (_, Some(number)) => Ok(number.to_string().into_bytes()),
            _ => Err("the name or number of a group".to_owned()),
        }
    }

    fn wait(&self) -> Read<Option<Wait>> {
        match self.value {
            DeValue::Boolean(true) => Ok(Some(Wait::Forever)),
            DeValue::Boolean(false) => Ok(None),
            _ => self.time().map(Wait::For).map(Some),
        }
    }

    fn reconnect(&self) -> Read<Reconnect> {
        match self.value {
            DeValue::Boolean(true) => Ok(Reconnect::On),
            DeValue::Boolean(false) => Ok(Reconnect::Off),
            // As the command line has it.
            DeValue::String(text) if text == "on" => Ok(Reconnect::On),
            DeValue::String(text) if text == "off" => Ok(Reconnect::Off),
            _ => self.time().map(Reconnect::For),
        }
    }

    fn time(&self) -> Read<Duration> {
        let seconds = match self.value {
            DeValue::Integer(_) => self.integer().map(|seconds| seconds as f64),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.filter(|time| !time.is_zero() && *time <= TIMEOUT_MAX)
            .ok_or_else(|| format!("true, false, or seconds up to {}", TIMEOUT_MAX.as_secs()))
    }

    fn integer(&self) -> Option<u64> {
        let number = |number: &DeInteger<'_>| u64::from_str_radix(number.as_str(), number.radix());
        match self.value {
            DeValue::Integer(text) => number(text).ok(),
            _ => None,
        }
    }
}
