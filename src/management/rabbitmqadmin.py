#!/usr/bin/env python3
"""rabbitmqadmin: declares, lists, publishes and fetches over the HTTP API of WarrenMQ or RabbitMQ.

Part of WarrenMQ, under the Apache License 2.0. Needs Python 3.6 or later, and nothing else.
The sub-commands, options and output are those of the tool of the same name that RabbitMQ has up to 4.2.
"""

import argparse
import base64
import configparser
import http.client
import json
import os
import ssl
import sys
from urllib.parse import quote, urlencode, urlsplit

VERSION = "%%VERSION%%"

# ---- what there is ----


class Kind:
    """A kind of object: where it is in the API, and what it is declared with."""

    def __init__(self, path, mandatory, optional=(), body=()):
        self.path = path
        self.mandatory = list(mandatory)
        self.optional = dict(optional)
        # Arguments that become the body, in place of parts of the path.
        self.body = set(body)

    def keys(self):
        """The arguments that say which one it is."""
        return [name for name in self.mandatory if isinstance(name, str) and "{%s}" % name in self.path]


def policy_kind(path):
    optional = {"priority": "0", "apply-to": None}
    return Kind(path, ["name", "pattern", "definition"], optional, ["pattern", "definition", *optional])


DECLARED = {
    "exchange": Kind(
        "/exchanges/{vhost}/{name}",
        ["name", "type"],
        {"auto_delete": "false", "durable": "true", "internal": "false", "arguments": "{}"},
        ["type", "auto_delete", "durable", "internal", "arguments"],
    ),
    "queue": Kind(
        "/queues/{vhost}/{name}",
        ["name"],
        {"auto_delete": "false", "durable": "true", "arguments": "{}", "node": None, "queue_type": None},
        ["auto_delete", "durable", "arguments", "node"],
    ),
    "binding": Kind(
        "/bindings/{vhost}/e/{source}/{destination_char}/{destination}",
        ["source", "destination"],
        {"destination_type": "queue", "routing_key": "", "arguments": "{}"},
        ["routing_key", "arguments"],
    ),
    "vhost": Kind("/vhosts/{name}", ["name"], {"tracing": None}, ["tracing"]),
    "user": Kind(
        "/users/{name}",
        ["name", ("password", "password_hash"), "tags"],
        {"hashing_algorithm": None},
        ["password", "password_hash", "tags", "hashing_algorithm"],
    ),
    "permission": Kind(
        "/permissions/{vhost}/{user}",
        ["vhost", "user", "configure", "write", "read"],
        body=["configure", "write", "read"],
    ),
    "parameter": Kind("/parameters/{component}/{vhost}/{name}", ["component", "name", "value"], body=["value"]),
    "policy": policy_kind("/policies/{vhost}/{name}"),
    "operator_policy": policy_kind("/operator-policies/{vhost}/{name}"),
    "vhost_limit": Kind("/vhost-limits/{vhost}/{name}", ["vhost", "name", "value"], body=["value"]),
}

DELETED = {
    kind: Kind(declared.path, [name for name in declared.keys() if name != "vhost" or kind in ("permission", "vhost_limit")])
    for kind, declared in DECLARED.items()
    if kind != "binding"
}
DELETED["binding"] = Kind(
    "/bindings/{vhost}/e/{source}/{destination_char}/{destination}/{properties_key}",
    ["source", "destination_type", "destination"],
    {"properties_key": "~"},
)

# Arguments that are JSON, and those that are numbers.
JSON_ARGUMENTS = {"arguments", "definition", "value", "properties"}
NUMBER_ARGUMENTS = {"priority"}

# What is listed by default; None: everything that is no object.
LISTED = {
    "connections": ("/connections", ["name", "user", "channels"]),
    "channels": ("/channels", ["name", "user"]),
    "consumers": ("/consumers/{vhost}", None),
    "exchanges": ("/exchanges/{vhost}", ["name", "type"]),
    "queues": ("/queues/{vhost}", ["name", "messages"]),
    "bindings": ("/bindings/{vhost}", ["source", "destination", "routing_key"]),
    "users": ("/users", None),
    "vhosts": ("/vhosts", ["name", "messages"]),
    "permissions": ("/permissions", None),
    "nodes": ("/nodes", ["name", "type", "mem_used"]),
    "parameters": ("/parameters", None),
    "policies": ("/policies/{vhost}", None),
    "operator_policies": ("/operator-policies/{vhost}", None),
    "vhost_limits": ("/vhost-limits/{vhost}", None),
}
SHOWN = {
    "overview": ("/overview", ["rabbitmq_version", "cluster_name", "queue_totals.messages", "object_totals.queues"]),
}

# Columns whose objects are shown as JSON where they are.
JSON_COLUMNS = {"value", "definition"}
# Columns that come first where none are asked for.
FIRST_COLUMNS = ["vhost", "name", "type", "source", "destination", "destination_type", "routing_key", "exchange"]

ACTIONS = ["list", "show", "declare", "delete", "close", "purge", "import", "export", "publish", "get", "help"]

# ---- mistakes ----


class Usage(Exception):
    """The command line makes no sense."""


class Failure(Exception):
    """The broker refused, or is not there."""


# ---- options ----

DEFAULTS = {
    "hostname": "localhost",
    "port": None,
    "path_prefix": "",
    "vhost": None,
    "declare_vhost": None,
    "username": "guest",
    "password": "guest",
    "ssl": False,
    "ssl_key_file": None,
    "ssl_cert_file": None,
    "ssl_ca_cert_file": None,
    "ssl_disable_hostname_verification": False,
    "ssl_insecure": False,
    "request_timeout": 120,
    "format": "table",
    "sort": None,
    "sort_reverse": False,
    "depth": 1,
}
FLAGS = {name for name, value in DEFAULTS.items() if value is False}
CONFIG_FILE = os.path.join("~", ".rabbitmqadmin.conf")


def option_parser():
    parser = argparse.ArgumentParser(prog="rabbitmqadmin", add_help=False, allow_abbrev=False)
    add = parser.add_argument
    add("words", nargs="*")
    add("-h", "--help", action="store_true", help="show this help message and exit")
    add("-c", "--config", metavar="CONFIG", help="configuration file [default: %s]" % CONFIG_FILE)
    add("-N", "--node", metavar="NODE", help="section of the configuration file [default: default]")
    add("-H", "--host", dest="hostname", metavar="HOST", help="connect to host HOST [default: localhost]")
    add("-P", "--port", type=int, metavar="PORT", help="connect to port PORT [default: 15672, with --ssl 15671]")
    add("--path-prefix", metavar="PREFIX", help="path in front of /api")
    add("-V", "--vhost", metavar="VHOST", help="virtual host [default: all for list, '/' for declare]")
    add("-u", "--username", metavar="USERNAME", help="connect as USERNAME [default: guest]")
    add("-p", "--password", metavar="PASSWORD", help="with password PASSWORD [default: guest]")
    add("-U", "--base-uri", metavar="URI", help="address of the broker in place of host, port and prefix; its path is the prefix")
    add("-q", "--quiet", action="store_true", help="do not say what was done")
    add("-s", "--ssl", action="store_true", default=None, help="connect with TLS")
    add("--ssl-key-file", metavar="FILE", help="key of the client's certificate (PEM)")
    add("--ssl-cert-file", metavar="FILE", help="the client's certificate (PEM)")
    add("--ssl-ca-cert-file", metavar="FILE", help="authorities that the broker's certificate is checked against (PEM)")
    add("--ssl-disable-hostname-verification", action="store_true", default=None, help="take any host name in the certificate")
    add("-k", "--ssl-insecure", action="store_true", default=None, help="take any certificate")
    add("-t", "--request-timeout", type=int, metavar="SECONDS", help="time for an answer [default: 120]")
    add("-f", "--format", metavar="FORMAT", help="one of %s [default: table]" % ", ".join(sorted(FORMATS)))
    add("-S", "--sort", metavar="COLUMN", help="column to sort lists by")
    add("-R", "--sort-reverse", action="store_true", default=None, help="sort the other way round")
    add("-d", "--depth", type=int, metavar="DEPTH", help="how deep to look into objects for columns [default: 1]")
    add("--bash-completion", action="store_true", help="print a script for bash that completes commands")
    add("--version", action="store_true", help="print the version and exit")
    return parser


class Settings:
    """Options from the command line, else from the configuration file, else the defaults."""

    def __init__(self, given):
        from_file = read_config(given.config, given.node)
        for name, default in DEFAULTS.items():
            value = getattr(given, name, None)
            if value is None:
                value = from_file.get(name, default)
            setattr(self, name, value)
        self.port = int(self.port) if self.port is not None else (15671 if self.ssl else 15672)
        self.request_timeout = int(self.request_timeout)
        self.depth = int(self.depth)
        self.quiet = given.quiet
        self.vhost_given = given.vhost is not None
        if given.base_uri is not None:
            self.use_base_uri(given.base_uri)
        if self.format not in FORMATS:
            raise Usage("format must be one of %s" % ", ".join(sorted(FORMATS)))

    def use_base_uri(self, uri):
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise Usage("%s is not the address of a broker" % uri)
        self.ssl = parts.scheme == "https"
        self.hostname = parts.hostname
        self.port = parts.port or (443 if self.ssl else 80)
        self.path_prefix = parts.path.rstrip("/")

    def vhost_to_declare(self):
        if self.vhost_given:
            return self.vhost
        return self.declare_vhost or self.vhost or "/"


def read_config(path, node):
    """What a section of the configuration file says; only a file that was asked for has to be there."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    found = parser.read(os.path.expanduser(path or CONFIG_FILE))
    if path is not None and not found:
        raise Usage("Could not read config file '%s'" % path)
    section = node or "default"
    if not parser.has_section(section):
        if path is None and node is None:
            return {}
        raise Usage("Could not read section '%s' in config file '%s':\n   No section: '%s'" % (section, path or CONFIG_FILE, section))
    values = dict(parser.items(section))
    for name in FLAGS & set(values):
        values[name] = values[name].strip().lower() in ("1", "true", "yes", "on")
    return values


# ---- the HTTP API ----


class Api:
    def __init__(self, settings):
        self.settings = settings

    def request(self, method, path, body=None):
        """The text of the answer. Raises Failure for all but success."""
        settings = self.settings
        text = None if body is None else (body if isinstance(body, str) else json.dumps(body))
        login = "%s:%s" % (settings.username, settings.password)
        headers = {
            "authorization": "Basic " + base64.b64encode(login.encode("utf-8")).decode("ascii"),
            "content-type": "application/json",
        }
        connection = self.connect()
        full_path = settings.path_prefix + "/api" + path
        try:
            connection.request(method, full_path, None if text is None else text.encode("utf-8"), headers)
            answer = connection.getresponse()
            content = answer.read().decode("utf-8")
        except (OSError, http.client.HTTPException) as error:
            raise Failure("Could not connect: %s" % error)
        finally:
            connection.close()
        if answer.status in (301, 302, 303):
            raise Failure("Received a redirect to %s: is the path prefix right?" % answer.getheader("location"))
        if answer.status >= 400:
            raise Failure(reason_of(answer.status, content, full_path))
        return content

    def connect(self):
        settings = self.settings
        if not settings.ssl:
            return http.client.HTTPConnection(settings.hostname, settings.port, timeout=settings.request_timeout)
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert_file)
        if settings.ssl_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif settings.ssl_disable_hostname_verification:
            context.check_hostname = False
        if settings.ssl_cert_file is not None:
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file)
        return http.client.HTTPSConnection(
            settings.hostname, settings.port, timeout=settings.request_timeout, context=context
        )


def reason_of(status, content, path):
    if status == 401:
        return "Access refused: %s" % path
    if status == 404:
        return "Not found: %s" % path
    try:
        return str(json.loads(content)["reason"])
    except (ValueError, KeyError, TypeError):
        return "The broker answered %d: %s" % (status, content.strip())


def encoded(text):
    return quote(text, safe="")


# ---- arguments ----


def parse_pairs(words, known):
    """`name=value` words. Raises Usage for what is none, or not known."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals == "":
            raise Usage('Argument "%s" not in the format name=value' % word)
        if name not in known:
            raise Usage('Argument "%s" is not recognised' % name)
        found[name] = value
    return found


def parse_arguments(words, mandatory, optional):
    """All arguments, with the defaults of those that were not given."""
    known = set(optional)
    for name in mandatory:
        known.update(name if isinstance(name, tuple) else (name,))
    given = parse_pairs(words, known)
    for name in mandatory:
        names = name if isinstance(name, tuple) else (name,)
        if not any(each in given for each in names):
            raise Usage('mandatory argument "%s" is required' % '" or "'.join(names))
    return {**{name: value for name, value in optional.items() if value is not None}, **given}


def json_of(text):
    try:
        return json.loads(text)
    except ValueError:
        raise Usage("Could not parse JSON:\n  %s" % text)


def number_of(name, text):
    try:
        return int(text)
    except ValueError:
        raise Usage('Argument "%s" is not a number: %s' % (name, text))


def body_value(name, text):
    if name in JSON_ARGUMENTS:
        return json_of(text)
    return number_of(name, text) if name in NUMBER_ARGUMENTS else text


# ---- commands ----


class Commands:
    def __init__(self, settings):
        self.settings = settings
        self.api = Api(settings)

    def run(self, action, words):
        getattr(self, "do_" + action)(words)

    def say(self, text):
        if not self.settings.quiet:
            print(text)

    # -- lists --

    def do_list(self, words):
        self.show_rows(words, LISTED, "list")

    def do_show(self, words):
        self.show_rows(words, SHOWN, "show")

    def show_rows(self, words, known, verb):
        if len(words) == 0:
            raise Usage("%s what? One of %s" % (verb, ", ".join(known)))
        kind, columns = words[0], words[1:]
        if kind not in known:
            raise Usage("Don't know how to %s %s" % (verb, kind))
        template, standard = known[kind]
        vhost = self.settings.vhost
        path = template.replace("/{vhost}", "" if vhost is None else "/" + encoded(vhost))
        format_name = self.settings.format
        wanted = columns or (standard if self.settings.depth == 1 and "json" not in format_name else None)
        text = self.api.request("GET", path + self.query(wanted))
        rows = json.loads(text)
        rows = rows if isinstance(rows, list) else [rows]
        if format_name == "raw_json":
            print(text if text.startswith("[") else "[%s]" % text)
        else:
            self.print_rows(rows, wanted)

    def query(self, columns):
        asked = {}
        if columns:
            asked["columns"] = ",".join(columns)
        if self.settings.sort is not None:
            asked["sort"] = self.settings.sort
        if self.settings.sort_reverse:
            asked["sort_reverse"] = "true"
        return "?" + urlencode(asked, safe=",") if asked else ""

    def print_rows(self, rows, columns=None):
        if not rows and self.settings.format != "pretty_json":
            self.say("No items")
        else:
            FORMATS[self.settings.format](rows, columns, self.settings)

    # -- objects --

    def do_declare(self, words):
        kind, arguments = self.object_of(words, DECLARED)
        declared = DECLARED[kind]
        body = {name: body_value(name, text) for name, text in arguments.items() if name in declared.body}
        if arguments.get("queue_type"):
            body["arguments"]["x-queue-type"] = arguments["queue_type"]
        method = "POST" if kind == "binding" else "PUT"
        self.api.request(method, self.path_of(declared, arguments), body)
        self.say("%s declared" % kind)

    def do_delete(self, words):
        kind, arguments = self.object_of(words, DELETED)
        self.api.request("DELETE", self.path_of(DELETED[kind], arguments))
        self.say("%s deleted" % kind)

    def object_of(self, words, known):
        if len(words) == 0:
            raise Usage("an object is missing: one of %s" % ", ".join(known))
        if words[0] not in known:
            raise Usage("Type %s not recognised" % words[0])
        kind = known[words[0]]
        return words[0], parse_arguments(words[1:], kind.mandatory, kind.optional)

    def path_of(self, kind, arguments):
        parts = {"vhost": self.settings.vhost_to_declare(), **arguments}
        parts["destination_char"] = parts.get("destination_type", "queue")[:1]
        for end in ("source", "destination"):
            parts[end] = parts.get(end) or "amq.default"
        return kind.path.format(**{name: encoded(value) for name, value in parts.items()})

    def do_close(self, words):
        if words[:1] != ["connection"]:
            raise Usage("close what? connection")
        arguments = parse_arguments(words[1:], ["name"], {})
        self.api.request("DELETE", "/connections/%s" % encoded(arguments["name"]))
        self.say("connection closed")

    def do_purge(self, words):
        if words[:1] != ["queue"]:
            raise Usage("purge what? queue")
        arguments = parse_arguments(words[1:], ["name"], {})
        vhost = encoded(self.settings.vhost_to_declare())
        self.api.request("DELETE", "/queues/%s/%s/contents" % (vhost, encoded(arguments["name"])))
        self.say("queue purged")

    # -- messages --

    def do_publish(self, words):
        optional = {"exchange": "amq.default", "payload": None, "properties": "{}", "payload_encoding": "string"}
        arguments = parse_arguments(words, ["routing_key"], optional)
        payload = arguments.get("payload")
        if payload is None:
            data = sys.stdin.buffer.read()
            payload, arguments["payload_encoding"] = text_or_base64(data, arguments["payload_encoding"])
        path = "/exchanges/%s/%s/publish" % (
            encoded(self.settings.vhost_to_declare()),
            encoded(arguments["exchange"] or "amq.default"),
        )
        body = {
            "routing_key": arguments["routing_key"],
            "properties": json_of(arguments["properties"]),
            "payload": payload,
            "payload_encoding": arguments["payload_encoding"],
        }
        routed = json.loads(self.api.request("POST", path, body))["routed"]
        self.say("Message published" if routed else "Message published but NOT routed")

    def do_get(self, words):
        optional = {"count": "1", "ackmode": "ack_requeue_true", "payload_file": None, "encoding": "auto"}
        arguments = parse_arguments(words, ["queue"], optional)
        to_file = arguments.get("payload_file")
        if to_file is not None and arguments["count"] != "1":
            raise Usage("Cannot get multiple messages using payload_file")
        path = "/queues/%s/%s/get" % (encoded(self.settings.vhost_to_declare()), encoded(arguments["queue"]))
        body = {
            "count": number_of("count", arguments["count"]),
            "ackmode": arguments["ackmode"],
            "encoding": arguments["encoding"],
        }
        text = self.api.request("POST", path, body)
        messages = json.loads(text)
        if to_file is not None:
            for message in messages:
                write_payload(to_file, message)
        if self.settings.format == "raw_json":
            print(text)
        else:
            self.print_rows(messages)

    # -- definitions --

    def definitions_path(self):
        vhost = self.settings.vhost
        return "/definitions" if vhost is None else "/definitions/" + encoded(vhost)

    def do_export(self, words):
        name = only_file(words, "export")
        text = self.api.request("GET", self.definitions_path())
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        self.say('Exported definitions for %s to "%s"' % (self.settings.hostname, name))

    def do_import(self, words):
        name = only_file(words, "import")
        try:
            with open(name, encoding="utf-8-sig") as file:
                text = file.read()
        except OSError as error:
            raise Failure("Could not read %s: %s" % (name, error.strerror))
        self.api.request("POST", self.definitions_path(), text)
        self.say('Imported definitions from "%s" to %s' % (name, self.settings.hostname))

    # -- help --

    def do_help(self, words):
        topics = {"subcommands": print_subcommands, "config": print_config_help}
        if len(words) == 0:
            print_help()
        elif words[0] in topics:
            topics[words[0]]()
        else:
            raise Usage("help topic must be one of:\n  subcommands\n  config")


def only_file(words, action):
    if len(words) != 1:
        raise Usage("%s takes the name of one file" % action)
    return words[0]


def text_or_base64(data, encoding):
    """Bytes as JSON can have them. What was said to be base64 already goes on as it is."""
    try:
        return data.decode("utf-8"), encoding
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii"), "base64"


def write_payload(name, message):
    payload = message.pop("payload")
    is_base64 = message.pop("payload_encoding") == "base64"
    message.pop("properties", None)
    with open(name, "wb") as file:
        file.write(base64.b64decode(payload) if is_base64 else payload.encode("utf-8"))


# ---- formats ----


def flatten(row, depth, prefix="", level=1):
    """Objects below become columns of their own, `a.b`, down to so many levels."""
    cells = {}
    for name, value in row.items():
        path = prefix + name
        if isinstance(value, dict) and path not in JSON_COLUMNS:
            if level < depth:
                cells.update(flatten(value, depth, path + ".", level + 1))
        else:
            cells[path] = value
    return cells


def cell_of(name, value):
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value) if name in JSON_COLUMNS else ""
    if isinstance(value, list):
        return " ".join(value) if all(isinstance(item, str) for item in value) else json.dumps(value)
    return str(value)


def table_of(rows, columns, depth):
    """The names of the columns, and the texts of all cells. Columns that were asked for are found at any depth."""
    flat = [flatten(row, depth if columns is None else sys.maxsize) for row in rows]
    there = {name for row in flat for name in row}
    if columns is None:
        first = [name for name in FIRST_COLUMNS if name in there]
        names = first + sorted(there - set(first))
    else:
        # a column that is an object has become several
        names = []
        for column in columns:
            names += sorted(name for name in there if name.startswith(column + ".")) or [column]
    return names, [[cell_of(name, row.get(name)) for name in names] for row in flat]


def print_table(rows, columns, settings):
    names, cells = table_of(rows, columns, settings.depth)
    widths = [max(len(text) for text in [name] + [line[i] for line in cells]) for i, name in enumerate(names)]
    border = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    print(border)
    print("| " + " | ".join("{:^{}}".format(name, width) for name, width in zip(names, widths)) + " |")
    print(border)
    for texts in cells:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(texts, widths)) + " |")
    print(border)


def print_tsv(rows, columns, settings):
    names, cells = table_of(rows, columns, settings.depth)
    for texts in cells if settings.quiet else [names] + cells:
        print("\t".join(texts))


def print_long(rows, columns, settings):
    names, cells = table_of(rows, columns, settings.depth)
    width = max(len(name) for name in names)
    separator = "\n" + "-" * 80 + "\n"
    print(separator)
    for texts in cells:
        for name, text in zip(names, texts):
            print("%s: %s" % (name.rjust(width), text))
        print(separator)


def print_kvp(rows, columns, settings):
    names, cells = table_of(rows, columns, settings.depth)
    for texts in cells:
        print(" ".join('%s="%s"' % pair for pair in zip(names, texts)))


def print_pretty(rows, _columns, _settings):
    print(json.dumps(rows, indent=2, sort_keys=True))


def print_names(rows, _columns, _settings):
    """For shell completion."""
    print(" ".join(sorted(str(row["name"]) for row in rows if "name" in row)))


FORMATS = {
    "raw_json": None,
    "pretty_json": print_pretty,
    "table": print_table,
    "tsv": print_tsv,
    "long": print_long,
    "kvp": print_kvp,
    "bash": print_names,
}

# ---- help ----


def heading(text):
    return "%s\n%s" % (text, "=" * len(text))


def print_help():
    print(heading("Usage"))
    print("  rabbitmqadmin [options] subcommand\n")
    print(heading("Options"))
    text = option_parser().format_help()
    print(text[text.index("-h, --help") - 2 :])
    print(heading("More Help"))
    print("\nFor more help use the help subcommand:\n")
    print("  rabbitmqadmin help subcommands  # For a list of available subcommands")
    print("  rabbitmqadmin help config       # For help with the configuration file")


def signature(kind):
    shown = []
    for name in kind.mandatory:
        shown.append(" OR ".join("%s=..." % each for each in (name if isinstance(name, tuple) else (name,))))
    optional = " ".join("%s=..." % name for name in kind.optional)
    return " ".join(shown) + (" [%s]" % optional if optional else "")


def print_subcommands():
    print(heading("Usage"))
    print("  rabbitmqadmin [options] subcommand\n\n  where subcommand is one of:\n")
    print(heading("Display") + "\n")
    for verb, known in (("list", LISTED), ("show", SHOWN)):
        for name in known:
            print("  %s %s [<column>...]" % (verb, name))
    print("\n" + heading("Object Manipulation") + "\n")
    for verb, known in (("declare", DECLARED), ("delete", DELETED)):
        for name, kind in known.items():
            print("  %s %s %s" % (verb, name, signature(kind)))
    print("  close connection name=...\n  purge queue name=...")
    print("\n" + heading("Broker Definitions") + "\n\n  export <file>\n  import <file>")
    print("\n" + heading("Publishing and Consuming") + "\n")
    print("  publish routing_key=... [payload=... properties=... exchange=... payload_encoding=...]")
    print("  get queue=... [count=... ackmode=... payload_file=... encoding=...]\n")
    print("  * Without payload, publish takes standard input.")
    print("  * With payload_file, get writes the payload of one message there.")


def print_config_help():
    print(heading("Configuration File"))
    print(
        """
  A file with sections of options, one for each broker; -N chooses one of them.

  [default]
  hostname = localhost
  port = 15672
  username = guest
  password = guest
  # for declare and delete
  declare_vhost = /
  # for list as well
  vhost = /

  [by_tls]
  hostname = broker.example.org
  port = 15671
  ssl = True
  ssl_key_file = /path/to/client_key.pem
  ssl_cert_file = /path/to/client_certificate.pem
  ssl_ca_cert_file = /path/to/ca_certificate.pem

  rabbitmqadmin -c FILE -N by_tls list queues

  Without -c, the file is %s.""" % CONFIG_FILE
    )


COMPLETION = """# Completes the words of rabbitmqadmin in bash: source it, or put it where your bash looks for completions.
_rabbitmqadmin() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    list) words="%(listed)s" ;;
    show) words="%(shown)s" ;;
    declare|delete) words="%(declared)s" ;;
    close) words="connection" ;;
    purge) words="queue" ;;
    help) words="subcommands config" ;;
    -f|--format) words="%(formats)s" ;;
    import|export|-c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
    *) words="%(actions)s %(options)s" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _rabbitmqadmin rabbitmqadmin"""


def print_completion():
    options = [option for action in option_parser()._actions for option in action.option_strings if option.startswith("--")]
    words = {
        "listed": LISTED,
        "shown": SHOWN,
        "declared": DECLARED,
        "formats": sorted(FORMATS),
        "actions": ACTIONS,
        "options": options,
    }
    print(COMPLETION % {name: " ".join(known) for name, known in words.items()})


# ---- start ----


def main(argv):
    given = option_parser().parse_intermixed_args(argv)
    if given.version:
        print("rabbitmqadmin %s" % VERSION)
    elif given.help:
        print_help()
    elif given.bash_completion:
        print_completion()
    else:
        if not given.words:
            raise Usage("Action not specified")
        if given.words[0] not in ACTIONS:
            raise Usage("Action %s not understood" % given.words[0])
        Commands(Settings(given)).run(given.words[0], given.words[1:])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Usage as error:
        print("\nERROR: %s\n\nrabbitmqadmin --help for help\n" % error, file=sys.stderr)
        sys.exit(1)
    except Failure as error:
        print("*** %s\n" % error, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(1)
