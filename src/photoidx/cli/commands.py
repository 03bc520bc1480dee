"""Every command: its heading in `photoidx --help`, its name, and where it is. A new one is a line here and a module."""

SECTIONS = {
    "Fill the library": {
        "scan": "upkeep.scan:scan",
        "watch": "upkeep.watch:watch",
        "models": "upkeep.models:models",
    },
    "Find": {
        "search": "ask.search:search",
        "similar": "ask.similar:similar",
        "sql": "ask.sql:sql",
        "show": "ask.show:show",
        "clusters": "ask.clusters:clusters",
        "gallery": "ask.gallery:gallery",
    },
    "Choose and thin out": {
        "best": "ask.best:best",
        "bursts": "ask.bursts:bursts",
        "dups": "ask.dups:dups",
        "why": "ask.best:why",
        "decide": "decide:decide",
        "learn": "learn:learn",
        "calibrate": "ask.dups:calibrate",
    },
    "Act": {
        "review": "act.review:review",
        "reclaim": "act.reclaim:reclaim",
        "undo": "act.reclaim:undo",
        "trash": "act.trash_group:trash",
    },
    "Hand over to other programs": {
        "export": "export.group:export",
    },
    "Look after the library": {
        "status": "ask.status:status",
        "failures": "ask.failures:failures",
        "doctor": "upkeep.doctor:doctor",
        "backup": "upkeep.backup:backup",
        "restore": "upkeep.backup:restore",
        "optimize": "upkeep.optimize:optimize",
    },
    "Measure and train": {
        "bench": "bench.group:bench",
        "explain": "ask.explain:explain",
        "train": "train.group:train",
    },
}

BENCHMARKS = {
    "Commands": {
        "degradations": "bench.degradations:degradations",
        "bursts": "bench.bursts:bursts",
        "faces": "bench.faces:faces",
        "clusters": "bench.clusters:clusters",
        "duplicates": "bench.duplicates:duplicates",
        "quality": "bench.quality:quality",
        "retrieval": "bench.retrieval:retrieval",
    }
}

TRASH = {
    "Commands": {
        "list": "act.trash:list_",
        "restore": "act.trash:restore",
        "empty": "act.trash:empty",
    }
}

TRAINERS = {
    "Commands": {
        "series": "train.series:series",
        "aesthetic": "train.aesthetic:aesthetic",
        "blend": "train.blend:blend",
    }
}

EXPORTS = {
    "Commands": {
        "xmp": "export.xmp:xmp",
        "files": "export.files:files",
        "albums": "export.albums:albums",
    }
}
