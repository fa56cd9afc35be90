"""What hostile plugins do, which layer each act is meant to be caught by, and which one holds when that is off.

An act is posted to a source with its plugin. `steps` are pairs (layers off, (layer that holds, what shows it)): a regular
expression over the outcome's code and text. Where nothing is left, the layer is NOTHING: the report says so.
{pid}, {port}, {conf}, {journal}, {folder} stand for the gateway's.
"""

NOTHING = "nothing"
FILES, NET, PID = "seccomp,landlock", "seccomp,net-ns", "seccomp,pid-ns"
PID_LANDLOCK = "seccomp,pid-ns,landlock"
EPERM, ESRCH, EAGAIN, EACCES, ENETUNREACH = r"errno=1$", r"errno=3$", r"errno=11$", r"errno=13$", r"errno=101$"


def forbidden(call):
    return r"SIGSYS: forbidden system call %s" % call


def at_most(mib):
    """A hoard of fewer than so many MiB."""
    return r"done=(?:%s)$|errno=(?:38|12)$" % "|".join(str(n) for n in range(0, mib, 8))


class Act:
    def __init__(self, name, plugin, message, *steps, deadline="20s"):
        self.name, self.plugin, self.message, self.deadline = name, plugin, message, deadline
        self.steps = {off: (layer, evidence) for off, layer, evidence in steps}

    def source(self):
        """Acts of one plugin share a source, in order; but a forger must be the first to speak, and a deadline is short."""
        if self.plugin == "forger" or self.deadline != "20s":
            return "%s-%s" % (self.plugin, self.message)
        return self.plugin.replace("_", "-")


def own_file(name, message):
    """A file that only the gateway may read."""
    return Act(name, "intruder", message, ("", "seccomp", EACCES), ("seccomp", "landlock", EACCES), (FILES, "uid", EACCES))


def other_process(name, act, call):
    return Act(name, "intruder", act + " {pid}", ("", "seccomp", forbidden(call)), ("seccomp", "pid-ns", ESRCH),
               (PID, "landlock or uid", EPERM), (PID_LANDLOCK, "uid", EPERM))


def crash(name, plugin, message, evidence, layer="process"):
    return Act(name, plugin, message, ("", layer, evidence), deadline="500ms" if layer == "deadline" else "20s")


ACTS = [
    # Its own process.
    crash("null write", "hostile", "null", "plugin-crash.*SIGSEGV"),
    crash("stack overflow", "hostile", "overflow", "plugin-crash.*SIGSEGV"),
    crash("double free", "hostile", "heap", "plugin-crash.*SIG"),
    crash("heap smash", "careless", "smash", "plugin-crash|normalized"),
    crash("abort", "hostile", "abort", "plugin-crash.*SIGABRT"),
    crash("exit(0) in mid-call", "careless", "exit", "plugin-crash.*status 0 in the middle of a call"),
    crash("longjmp into a call that is over", "careless", "jump", "plugin-|normalized"),
    crash("longjmp, once more", "careless", "jump", "plugin-|normalized"),
    crash("holding a call's memory", "careless", "hold", "normalized"),
    crash("writing to it in the next call", "careless", "hold", "plugin-|normalized"),
    crash("closing its descriptors", "hostile", "close", "plugin-fault.*closed its socket"),
    Act("code in memory", "intruder", "code", ("", "seccomp", "errno=38"), ("seccomp", NOTHING, "done=0")),
    # Time.
    crash("infinite loop", "hostile", "hang", "plugin-deadline", "deadline"),
    crash("sleep", "careless", "sleep", "plugin-deadline", "deadline"),
    crash("half an answer", "forger", "half", "plugin-deadline", "deadline"),
    # Memory.
    Act("memory bomb", "hostile", "bomb", ("", "rlimits", "plugin-memory.*memory_max of 64 MiB")),
    Act("memory of the call", "hostile", "arena", ("", "host", "plugin-memory")),
    Act("memory, written", "intruder", "hoard 512", ("", "rlimits", at_most(120)), ("rlimits", NOTHING, "done=512")),
    Act("memory, made read-only", "intruder", "hoard-protected 1024", ("", "rlimits", at_most(120)),
        ("seccomp", "rlimits", at_most(440))),
    Act("memory, as a stack", "intruder", "hoard-stack 1024", ("", "seccomp", "errno=38"), ("seccomp", "rlimits", "errno=12")),
    Act("memory, moved stack", "intruder", "hoard-moved 1024", ("", "seccomp", "errno=38"), ("seccomp", "rlimits", "errno=12")),
    # Processes.
    Act("fork storm", "intruder", "fork", ("", "seccomp", forbidden("fork")), ("seccomp", "rlimits", EAGAIN)),
    Act("thread storm", "intruder", "thread", ("", "seccomp", forbidden("clone")), ("seccomp", "rlimits", EAGAIN)),
    Act("a shell", "intruder", "exec /bin/sh", ("", "seccomp", forbidden("execve")), ("seccomp", "landlock", EACCES)),
    other_process("kill of the gateway", "signal", "kill"),
    other_process("ptrace of the gateway", "trace", "ptrace"),
    other_process("the gateway's memory", "peek", "process_vm_readv"),
    other_process("the gateway's descriptors", "descriptor", "pidfd_open"),
    Act("becoming root", "intruder", "root", ("", "seccomp", forbidden("setuid")), ("seccomp", "user-ns or uid", r"errno=(?:1|22)$")),
    # Files.
    Act("/etc/passwd", "intruder", "read /etc/passwd", ("", "seccomp", EACCES), ("seccomp", "landlock", EACCES),
        (FILES, NOTHING, "done=64")),
    own_file("the configuration", "read {conf}"),
    own_file("the journal", "read {journal}"),
    own_file("the journal, to be written", "write {journal}"),
    own_file("a new file", "create {folder}/hostile"),
    own_file("the gateway's environment", "read /proc/{pid}/environ"),
    own_file("the gateway's memory, as a file", "read /proc/{pid}/mem"),
    own_file("the gateway's descriptors, as files", "list /proc/{pid}/fd"),
    Act("removing the configuration", "intruder", "unlink {conf}", ("", "seccomp", forbidden("unlink")),
        ("seccomp", "landlock", EACCES), (FILES, "uid", EACCES)),
    # The network.
    Act("a listener on loopback", "intruder", "connect {port}", ("", "seccomp", forbidden("socket")),
        ("seccomp", "landlock", EACCES), (FILES, "net-ns", ENETUNREACH), (NET, "landlock", EACCES)),
    Act("listening", "intruder", "listen 0", ("", "seccomp", forbidden("socket")), ("seccomp", "landlock", EACCES)),
    crash("constructor: files and code", "constructor_file", "x", "normalized", "landlock"),
    # Lies to the gateway, past the host's functions.
    crash("an honest frame of its own", "forger", "honest", "normalized", "none needed"),
    crash("a record of no type", "forger", "unknown-record", "plugin-fault.*record", "checks"),
    crash("a field of no record", "forger", "foreign-field", "plugin-fault.*record", "checks"),
    crash("a field of another type", "forger", "other-type", "plugin-fault.*record", "checks"),
    crash("invalid UTF-8", "forger", "utf8", "plugin-fault.*record", "checks"),
    crash("decimals out of range", "forger", "decimal", "plugin-fault.*record", "checks"),
    crash("a lying length", "forger", "length", "plugin-fault.*record", "checks"),
    crash("a frame of 4 GiB", "forger", "frame-length", "plugin-fault.*a frame of 4294967288 bytes", "checks"),
    crash("an answer for another message", "forger", "other-call", "plugin-fault.*doesn't have", "checks"),
    Act("shrinking shared memory", "forger", "shrink", ("", "seccomp", forbidden("ftruncate")),
        ("seccomp", "no descriptor left", "normalized")),
    crash("bytes that are no frame", "hostile", "garbage", "plugin-fault.*a frame of", "checks"),
    crash("a billion records", "careless", "billion", "plugin-fault.*gave more than \\d+ bytes of output", "checks"),
    crash("a billion rejections", "careless", "billion-rejections", "plugin-fault.*gave more than", "checks"),
    crash("a flood of log lines", "hostile", "log", "normalized", "checks"),
    # Lies to the host.
    crash("invalid UTF-8, by the host", "careless", "utf8", "charset", "host"),
    crash("decimals, by the host", "careless", "decimal", "plugin-fault.*decimal", "host"),
    crash("a foreign field, by the host", "careless", "foreign-field", "field-foreign", "host"),
    crash("success with an error set", "careless", "success-with-error", "plugin-fault.*returned EP_OK, but", "host"),
    crash("success with a record begun", "careless", "success-with-record-open", "plugin-fault.*record begun", "host"),
    crash("a status that isn't one", "careless", "strange-status", "plugin-fault.*status", "host"),
    crash("another output each time", "careless", "fickle", "normalized", "process"),
]

# Plugins whose constructors attack: layers off, the layer that holds, what the log says of the worker.
LOADS = [
    ("constructor: a socket", "constructor_socket", "", "seccomp", r"forbidden system call socket"),
    ("constructor: a shell", "constructor_shell", "", "seccomp", r"forbidden system call execve"),
    ("constructor: speaks for its worker", "constructor_forger", "", "checks", r"a frame of kind 22 out of turn"),
    ("constructor: exit", "constructor_crash", "", "process", r"ended by itself with status 9"),
]
