/* Passes over bytes that Python would make several of: see sieve.py, armour.py, pattern.py and
   escapes.py. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* On x86 what nearly all machines can do is chosen where it runs; elsewhere, when it is built. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define FOR_EACH_MACHINE \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_MACHINE
#endif

#define OTHERS_MAY_RUN 16384 /* bytes from which on it is worth letting other threads run */

/* Rows of sets are bits of words, and runs have lanes. Tables are bytes, which lie anywhere. */

enum { WORD = 64, WORDS = 4, HALVES = 2, BITS = WORD * WORDS, LANES = 8 };

typedef uint64_t Rows __attribute__((vector_size(8 * WORDS), aligned(1)));
typedef int32_t Lanes __attribute__((vector_size(4 * LANES), aligned(1)));
typedef uint32_t Meaning __attribute__((aligned(1)));

/* What one byte does: the sets it enters, and those it may follow as one of the others, which a
   last set is with every byte; the runs that it goes on with, and those it ends. */
typedef struct {
    Rows enters[HALVES], stays[HALVES];
    Lanes members, ends;
} Byte;

typedef struct {
    Byte bytes[256];
    Rows firsts[HALVES], lasts[HALVES];
    Lanes lengths;
    Meaning means[HALVES * BITS + LANES];
} Table;

static uint32_t
meaning(const Meaning *means, const Rows *reached)
{
    uint32_t found = 0;
    for (int word = 0; word < WORDS; word++)
        for (uint64_t left = (*reached)[word]; left; left &= left - 1)
            found |= means[WORD * word + __builtin_ctzll(left)];
    return found;
}

FOR_EACH_MACHINE static uint32_t
sift(const Table *table, const unsigned char *data, Py_ssize_t size)
{
    const Rows first = table->firsts[0], other = table->firsts[1];
    const Lanes lengths = table->lengths;
    Rows here = {0}, there = {0};
    Lanes run = {0}, ended = {0};

    for (Py_ssize_t i = 0; i < size; i++) {
        const Byte *byte = &table->bytes[data[i]];
        here = (((here << 1) | first) & byte->enters[0]) | (here & byte->stays[0]);
        there = (((there << 1) | other) & byte->enters[1]) | (there & byte->stays[1]);
        ended |= (run >= lengths) & byte->ends;
        run = (run + 1) & byte->members;
    }

    here &= table->lasts[0];
    there &= table->lasts[1];
    uint32_t found = meaning(table->means, &here) | meaning(table->means + BITS, &there);
    for (int lane = 0; lane < LANES; lane++)
        if (ended[lane])
            found |= table->means[HALVES * BITS + lane];
    return found;
}

static PyObject *
compiled_sift(PyObject *module, PyObject *args)
{
    Py_buffer table, data;
    uint32_t found = 0;

    if (!PyArg_ParseTuple(args, "y*y*", &table, &data))
        return NULL;
    if (table.len != sizeof(Table)) {
        PyBuffer_Release(&table);
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_ValueError, "this is no table of a sieve");
        return NULL;
    }
    if (data.len < OTHERS_MAY_RUN)
        found = sift(table.buf, data.buf, data.len);
    else {
        Py_BEGIN_ALLOW_THREADS
        found = sift(table.buf, data.buf, data.len);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&table);
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(found);
}

/* A run of `least` bytes has a member at every `least`-th place, so most bytes need no look. */

static PyObject *
compiled_runs(PyObject *module, PyObject *args)
{
    Py_buffer members, data;
    Py_ssize_t least, from = 0;

    if (!PyArg_ParseTuple(args, "y*ny*", &members, &least, &data))
        return NULL;
    const unsigned char *is_member = members.buf, *bytes = data.buf;
    PyObject *found = NULL;
    if (members.len != 256 || least < 1)
        PyErr_SetString(PyExc_ValueError, "runs takes 256 flags, a length and bytes");
    else
        found = PyList_New(0);
    while (found != NULL && data.len - from >= least) {
        Py_ssize_t at = from + least - 1;
        while (at >= from && is_member[bytes[at]])
            at--;
        if (at >= from) {
            from = at + 1;
            continue;
        }
        Py_ssize_t end = from + least;
        while (end < data.len && is_member[bytes[end]])
            end++;
        PyObject *run = Py_BuildValue("(nn)", from, end);
        if (run == NULL || PyList_Append(found, run) < 0)
            Py_CLEAR(found);
        Py_XDECREF(run);
        from = end + 1;
    }
    PyBuffer_Release(&members);
    PyBuffer_Release(&data);
    return found;
}

/* The next place where four bytes stand of which each may be where it is, in the same way: a bit for
   each way, in a number for each byte at each of the four places. Behind these numbers the table has
   a byte for each that tells whether it must not stand before them. */

enum { HEAD = 4, WAYS = HEAD * 256 * 8 };

typedef uint64_t Way __attribute__((aligned(1)));

static PyObject *
compiled_begins(PyObject *module, PyObject *args)
{
    Py_buffer table, data;
    Py_ssize_t from, until, found = -1;

    if (!PyArg_ParseTuple(args, "y*y*nn", &table, &data, &from, &until))
        return NULL;
    if (until > data.len)
        until = data.len;
    if (table.len != WAYS + 256 || from < 0) {
        PyBuffer_Release(&table);
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_ValueError, "begins takes a table of 8448 bytes, bytes and a place");
        return NULL;
    }
    const Way (*ways)[256] = table.buf;
    const unsigned char *bytes = data.buf, *bars = (const unsigned char *)table.buf + WAYS;
    for (Py_ssize_t at = from; found < 0 && at + HEAD <= until; at++) {
        uint64_t left = ways[0][bytes[at]] & ways[1][bytes[at + 1]];
        if (left && left & ways[2][bytes[at + 2]] & ways[3][bytes[at + 3]]
            && !(at && bars[bytes[at - 1]]))
            found = at;
    }
    PyBuffer_Release(&table);
    PyBuffer_Release(&data);
    return PyLong_FromSsize_t(found);
}

/* The escapes of JSON, RFC 8259 section 7: each gives a character, or none of the text is read. */

static int
digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The number of four digits behind `\u`, or -1. */
static int
unit(const unsigned char *escape, Py_ssize_t left)
{
    int code = 0;
    if (left < 5 || *escape != 'u')
        return -1;
    for (int at = 1; at < 5; at++) {
        int value = digit(escape[at]);
        if (value < 0)
            return -1;
        code = code * 16 + value;
    }
    return code;
}

/* The character that an escape behind its backslash stands for, and how long it is; -1 for none
   but a backslash, which may begin another, half of a pair and what is no escape. */
static int
escaped(const unsigned char *escape, Py_ssize_t left, int *size)
{
    *size = 1;
    if (left < 1)
        return -1;
    switch (*escape) {
    case '"': case '/': return *escape;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    }
    *size = 5;
    int code = unit(escape, left);
    if ((code & ~0x7ff) != 0xd800)
        return code == '\\' ? -1 : code;
    *size = 11;
    int second = left > 5 && escape[5] == '\\' ? unit(escape + 6, left - 6) : -1;
    if (code >= 0xdc00 || (second & ~0x3ff) != 0xdc00)
        return -1;
    return 0x10000 + ((code & 0x3ff) << 10) + (second & 0x3ff);
}

/* UTF-8, RFC 3629 section 3: never longer than the escape. */
static unsigned char *
put(unsigned char *to, int code)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (unsigned char)(leads[more] | code >> 6 * more);
    while (more--)
        *to++ = (unsigned char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

static PyObject *
compiled_unescaped(PyObject *module, PyObject *args)
{
    Py_buffer data;

    if (!PyArg_ParseTuple(args, "y*", &data))
        return NULL;
    PyObject *result = NULL;
    unsigned char *plain = PyMem_Malloc(data.len ? data.len : 1), *to = plain;
    if (plain == NULL) {
        PyBuffer_Release(&data);
        return PyErr_NoMemory();
    }
    const unsigned char *from = data.buf, *end = from + data.len;
    while (from < end) {
        const unsigned char *slash = memchr(from, '\\', end - from);
        const unsigned char *until = slash ? slash : end;
        memcpy(to, from, until - from);
        to += until - from;
        from = until;
        if (slash) {
            int size, code = escaped(slash + 1, end - slash - 1, &size);
            if (code < 0)
                break;
            to = put(to, code);
            from = slash + 1 + size;
        }
    }
    if (from == end)
        result = PyBytes_FromStringAndSize((char *)plain, to - plain);
    else
        result = Py_NewRef(Py_None);
    PyMem_Free(plain);
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef methods[] = {
    {"sift", compiled_sift, METH_VARARGS,
     "sift(table, data): what the rows and runs that stand in data mean, as one number."},
    {"runs", compiled_runs, METH_VARARGS,
     "runs(members, least, data): where at least so many bytes of a set stand in a row."},
    {"begins", compiled_begins, METH_VARARGS,
     "begins(table, data, from, until): the next place of four bytes of the table, or -1."},
    {"unescaped", compiled_unescaped, METH_VARARGS,
     "unescaped(data): data without the escapes of JSON; None when it has any other."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__compiled(void)
{
    return PyModuleDef_Init(&definition);
}
