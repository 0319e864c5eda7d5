"""The title of a fold: it lists the options that differ from their defaults, those that cost extra first."""

from venice_texts import OPTIONS

# Option -> what the title says about a value that is not the default.
_WORDS: dict = {
    "variations": "{} variations",
    "resolution": "{}",
    "quality": "{} quality",
    "enhance-prompt": "enhanced prompt",
    "sample": "all visible layers",
    "aspect-ratio": "{}",
    "seed": "seed {}",
    "selection": {"local": "selection limits the result only", "ignore": "selection ignored"},
    "output": {"changes": "changed areas only", "mask": "copy with a layer mask"},
    "context": "context {} px",
    "grow": "grow {} px",
    "feather": "feather {} px",
    "safe-mode": "adult content not blurred",
    "align": "no alignment",
    "match-colors": "no color matching",
    "defringe": "no defringing",
    "hide-source": "source layer stays visible",
}


def title(config, options):
    """Return the fold's title for these options, such as “Options: 4 variations”."""
    words = [_words(config, option) for option in sorted(options, key=list(_WORDS).index)]
    differing = ", ".join(filter(None, words))
    return f"{OPTIONS}: {differing.replace('_', '__')}" if differing else OPTIONS


def _words(config, option):
    """Return how an option differs from its default, or ""."""
    value = config.get_property(option)
    if value in (None, config.find_property(option).get_default_value()):
        return ""
    if option == "grow" and value < 0:
        return f"shrink {-value} px"
    words = _WORDS[option]
    return words.get(value, "") if isinstance(words, dict) else words.format(value)
