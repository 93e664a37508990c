"""Names of C's standard library: functions, and constants whose macros look at nothing around them.

A program may not define macros of these names, and where the library itself does, they evaluate what a call would.
`assert`, `offsetof`, `sizeof` and what else shows or pastes its arguments is not among them.
"""

from __future__ import annotations

FUNCTIONS = frozenset(
    {"abort", "abs", "acos", "asin", "atan", "atan2", "atexit", "atof", "atoi", "atol", "atoll", "bsearch",
     "calloc", "ceil", "clearerr", "clock", "cos", "cosh", "difftime", "div", "exit", "exp", "fabs",
     "fclose", "feof", "ferror", "fflush", "fgetc", "fgets", "floor", "fmod", "fopen", "fprintf", "fputc",
     "fputs", "fread", "free", "freopen", "frexp", "fscanf", "fseek", "ftell", "fwrite", "getenv", "gmtime",
     "isalnum", "isalpha", "iscntrl", "isdigit", "isgraph", "islower", "isprint", "ispunct", "isspace",
     "isupper", "isxdigit", "labs", "ldexp", "llabs", "localtime", "log", "log10", "malloc", "memchr",
     "memcmp", "memcpy", "memmove", "memset", "mktime", "modf", "perror", "pow", "printf", "puts", "qsort",
     "raise", "rand", "realloc", "remove", "rename", "rewind", "round", "scanf", "sin", "sinh", "snprintf",
     "sprintf", "sqrt", "srand", "sscanf", "strcat", "strchr", "strcmp", "strcoll", "strcpy", "strcspn",
     "strdup", "strerror", "strftime", "strlen", "strncat", "strncmp", "strncpy", "strpbrk", "strrchr",
     "strspn", "strstr", "strtod", "strtof", "strtok", "strtol", "strtoll", "strtoul", "strtoull",
     "strxfrm", "system", "tan", "tanh", "time", "tmpfile", "tolower", "toupper", "trunc", "ungetc",
     "vfprintf", "vprintf", "vsnprintf", "vsprintf", "close", "dup", "fileno", "getpid", "getppid",
     "isatty", "lseek", "pipe", "read", "sleep", "strcasecmp", "strncasecmp", "strndup", "unlink", "usleep",
     "write"}
)  # fmt: skip
CONSTANTS = frozenset(
    {"NULL", "EOF", "BUFSIZ", "EXIT_SUCCESS", "EXIT_FAILURE", "RAND_MAX", "SEEK_SET", "SEEK_CUR",
     "SEEK_END", "CHAR_BIT", "CHAR_MIN", "CHAR_MAX", "SCHAR_MIN", "SCHAR_MAX", "UCHAR_MAX", "SHRT_MIN",
     "SHRT_MAX", "USHRT_MAX", "INT_MIN", "INT_MAX", "UINT_MAX", "LONG_MIN", "LONG_MAX", "ULONG_MAX",
     "LLONG_MIN", "LLONG_MAX", "ULLONG_MAX", "SIZE_MAX", "INT8_MIN", "INT8_MAX", "UINT8_MAX", "INT16_MIN",
     "INT16_MAX", "UINT16_MAX", "INT32_MIN", "INT32_MAX", "UINT32_MAX", "INT64_MIN", "INT64_MAX",
     "UINT64_MAX", "DBL_MAX", "DBL_MIN", "DBL_EPSILON", "FLT_MAX", "FLT_MIN", "FLT_EPSILON", "HUGE_VAL",
     "M_PI", "EINTR", "EINVAL", "ENOMEM", "EAGAIN", "ENOENT", "EIO", "EBADF", "EEXIST", "ERANGE", "EDOM",
     "stdin", "stdout", "stderr", "errno", "true", "false"}
)  # fmt: skip
STANDARD = FUNCTIONS | CONSTANTS
