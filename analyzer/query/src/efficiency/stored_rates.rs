//! Price and emission factor as tags of a run.
//!
//! A factor is stored with its year and source, so that a run keeps it when a later version has
//! other presets.

use super::Rates;
use super::carbon::{Factor, Region, parse_factor};
use super::cost::parse_price;

const PRICE: &str = "price";
const FACTOR: &str = "co2";
const REGION: &str = "co2.region";
const YEAR: &str = "co2.year";
const SOURCE: &str = "co2.source";

impl Rates {
    /// Returns the tags that store the rates; none without rates.
    pub fn tags(&self) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        let mut add = |key: &str, value: String| tags.push((key.to_owned(), value));
        if let Some(price) = &self.price {
            let currency = price.currency.as_deref().unwrap_or_default();
            add(PRICE, format!("{} {currency}/kWh", price.per_kwh));
        }
        if let Some(factor) = self.factor() {
            add(FACTOR, format!("{} g/kWh", factor.g_per_kwh));
            if let Some(region) = &factor.region {
                add(REGION, region.name.clone());
                add(YEAR, region.year.to_string());
                add(SOURCE, region.source.clone());
            }
        }
        tags
    }

    /// Reads the rates from the tags of a run. A rate that cannot be read is absent.
    pub fn of_tags<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> Self {
        let tags: Vec<(&String, &String)> = tags.into_iter().collect();
        let tag = |key: &str| {
            let found = tags.iter().find(|(known, _)| *known == key);
            found.map(|(_, value)| value.as_str())
        };
        let region = |factor: &Factor| {
            Some(Region {
                region: String::new(),
                name: tag(REGION)?.to_owned(),
                g_per_kwh: factor.g_per_kwh,
                year: tag(YEAR)?.parse().ok()?,
                source: tag(SOURCE)?.to_owned(),
            })
        };
        let factor = tag(FACTOR).and_then(|text| parse_factor(text).ok());
        Self {
            price: tag(PRICE).and_then(|text| parse_price(text).ok()),
            co2: factor.map(|factor| Factor {
                region: region(&factor),
                ..factor
            }),
            region: None,
        }
    }

    /// Returns these rates, and those of a run where one is not given.
    #[must_use]
    pub fn or(&self, of_run: Self) -> Self {
        let has_factor = self.factor().is_some();
        Self {
            price: self.price.clone().or(of_run.price),
            co2: match has_factor {
                true => self.co2.clone(),
                false => of_run.co2,
            },
            region: self.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_region;
    use super::*;

    fn stored(rates: &Rates) -> Rates {
        let tags = rates.tags();
        Rates::of_tags(tags.iter().map(|(key, value)| (key, value)))
    }

    #[test]
    fn rates_are_stored_with_their_source_and_options_override_them() {
        let given = Rates {
            price: parse_price("0.30 EUR/kWh").ok(),
            co2: None,
            region: parse_region("us-ca").ok(),
        };
        let read = stored(&given);
        assert_eq!(read.price, given.price);
        let factor = read.factor().unwrap();
        let region = factor.region.as_ref().unwrap();
        assert_eq!((factor.g_per_kwh, region.year), (226.0, 2022));
        assert_eq!(region.name, "California");
        assert!(region.source.starts_with("EPA eGRID2022"), "{region:?}");
        assert_eq!(stored(&Rates::default()), Rates::default());
        let number = Rates {
            co2: parse_factor("400g/kWh").ok(),
            ..Rates::default()
        };
        assert_eq!(stored(&number).co2, number.co2);
        let both = number.or(read.clone());
        assert_eq!((both.price, both.co2), (given.price, number.co2));
        let region_given = Rates {
            region: parse_region("de").ok(),
            ..Rates::default()
        };
        let factor = region_given.or(read).factor().cloned().unwrap();
        assert_eq!(factor.region.unwrap().name, "Germany");
    }

    #[test]
    fn a_price_without_currency_and_nonsense_are_read() {
        let price = Rates {
            price: parse_price("0.12/kWh").ok(),
            ..Rates::default()
        };
        assert_eq!(stored(&price).price, price.price);
        let nonsense = [("price".to_owned(), "cheap".to_owned())];
        let read = Rates::of_tags(nonsense.iter().map(|(key, value)| (key, value)));
        assert_eq!(read, Rates::default());
    }
}
