//! A day, and its names.

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A day that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatDate {
    year: u16,
    month: u8,
    day: u8,
}

impl ChatDate {
    /// A day of the Gregorian calendar, months and days counted from 1.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let n_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=n_days).contains(&day)).then_some(Self { year, month, day })
    }

    /// Sakamoto's rule: 0 is Sunday.
    fn weekday(self) -> usize {
        const SHIFT: [u16; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = self.year - u16::from(self.month < 3);
        usize::from((year + year / 4 - year / 100 + year / 400 + SHIFT[usize::from(self.month) - 1] + u16::from(self.day)) % 7)
    }

    /// As C's `strftime`, for what a day alone has; `-` leaves out a leading zero.
    pub(super) fn format(self, format: &str) -> Result<String, String> {
        let Self { year, month, day } = self;
        let (month_name, day_name) = (MONTHS[usize::from(month) - 1], DAYS[self.weekday()]);
        let mut out = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut code = rest.next();
            let is_bare = code == Some('-');
            if is_bare {
                code = rest.next();
            }
            let two = |n: u16| if is_bare { n.to_string() } else { format!("{n:02}") };
            let written = match code {
                Some('Y') => format!("{year:04}"),
                Some('y') => two(year % 100),
                Some('m') => two(month.into()),
                Some('d') => two(day.into()),
                Some('B') => month_name.to_owned(),
                Some('b' | 'h') => month_name[..3].to_owned(),
                Some('A') => day_name.to_owned(),
                Some('a') => day_name[..3].to_owned(),
                Some('F') => format!("{year:04}-{month:02}-{day:02}"),
                Some('%') => "%".to_owned(),
                other => {
                    let code: String = other.into_iter().collect();
                    return Err(format!("strftime_now knows the day alone, not `%{code}`"));
                }
            };
            out.push_str(&written);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_strftime_does() {
        let day = ChatDate::new(2024, 2, 29).unwrap();
        assert_eq!(
            day.format("%d %b %Y, %A %-d.%-m.%y (%a, %B, %F) 100%%").unwrap(),
            "29 Feb 2024, Thursday 29.2.24 (Thu, February, 2024-02-29) 100%"
        );
        assert_eq!(ChatDate::new(2026, 1, 3).unwrap().format("%A %-d").unwrap(), "Saturday 3");
        assert_eq!(day.format("%H:%M").unwrap_err(), "strftime_now knows the day alone, not `%H`");
        assert_eq!([ChatDate::new(2023, 2, 29), ChatDate::new(2024, 13, 1), ChatDate::new(2024, 4, 31), ChatDate::new(0, 1, 1)], [None; 4]);
    }
}
