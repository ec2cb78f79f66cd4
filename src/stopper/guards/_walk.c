/* Walks over values that are nothing but plain data; see texts.py, which walks over all others. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#define MAX_DEPTH 64 /* as in opened.py: deeper values are the other walk's business */

static int
is_list(PyObject *value)
{
    return Py_IS_TYPE(value, &PyList_Type) || Py_IS_TYPE(value, &PyTuple_Type);
}

static int
is_leaf(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type
        || type == &PyBool_Type || value == Py_None;
}

static Py_ssize_t
length(PyObject *list)
{
    return Py_IS_TYPE(list, &PyList_Type) ? PyList_Size(list) : PyTuple_Size(list);
}

static PyObject *
item(PyObject *list, Py_ssize_t at)
{
    return Py_IS_TYPE(list, &PyList_Type) ? PyList_GetItem(list, at) : PyTuple_GetItem(list, at);
}

typedef struct {
    Py_ssize_t depth, items, longest, max_depth, max_items;
} Shape;

/* Whether all of a value is plain data within the limits; nothing of Python runs meanwhile. */
static int
count(PyObject *value, Py_ssize_t depth, Shape *shape)
{
    if (is_leaf(value))
        return 1;
    if (depth == shape->max_depth || depth == MAX_DEPTH)
        return 0;
    if (++depth > shape->depth)
        shape->depth = depth;
    if (Py_IS_TYPE(value, &PyDict_Type)) {
        PyObject *key, *inner;
        Py_ssize_t at = 0;
        shape->items += PyDict_Size(value);
        if (shape->items > shape->max_items)
            return 0;
        while (PyDict_Next(value, &at, &key, &inner))
            if (!count(inner, depth, shape))
                return 0;
        return 1;
    }
    if (!is_list(value))
        return 0;
    Py_ssize_t size = length(value);
    shape->items += size;
    if (shape->items > shape->max_items)
        return 0;
    if (size > shape->longest)
        shape->longest = size;
    for (Py_ssize_t at = 0; at < size; at++)
        if (!count(item(value, at), depth, shape))
            return 0;
    return 1;
}

static PyObject *
walk_measure(PyObject *module, PyObject *args)
{
    PyObject *value;
    Shape shape = {0};

    if (!PyArg_ParseTuple(args, "Onn", &value, &shape.max_depth, &shape.max_items))
        return NULL;
    if (!count(value, 0, &shape))
        Py_RETURN_NONE;
    return Py_BuildValue("(nnn)", shape.depth, shape.items, shape.longest);
}

typedef struct {
    PyObject *groups, *numbers, *nameless;
    PyObject *least, *most; /* numbers of at least the one and below the other */
    Py_ssize_t left;
} Texts;

static int
add(PyObject *list, PyObject *name, PyObject *value)
{
    PyObject *pair = value ? PyTuple_Pack(2, name, value) : NULL;
    int failed = pair == NULL || PyList_Append(list, pair) < 0;
    Py_XDECREF(pair);
    Py_XDECREF(value);
    return failed ? -1 : 1;
}

static int
add_text(Texts *texts, PyObject *name, PyObject *text)
{
    return add(texts->groups, name, PyTuple_Pack(1, text));
}

static int
add_number(Texts *texts, PyObject *name, PyObject *number)
{
    int is_wanted = PyObject_RichCompareBool(number, texts->least, Py_GE);
    if (is_wanted == 1)
        is_wanted = PyObject_RichCompareBool(number, texts->most, Py_LT);
    return is_wanted == 1 ? add(texts->numbers, name, Py_NewRef(number)) : is_wanted < 0 ? -1 : 1;
}

static int visit(PyObject *, PyObject *, int, Texts *);

/* 1 for a value that is done with, 0 for one that is no plain data, -1 with an exception. */
static int
visit_inner(PyObject *name, PyObject *inner, int depth, Texts *texts)
{
    PyTypeObject *type = Py_TYPE(inner);
    if (type == &PyUnicode_Type)
        return add_text(texts, name, inner);
    if (type == &PyLong_Type)
        return add_number(texts, name, inner);
    if (is_leaf(inner))
        return 1;
    return visit(name, inner, depth, texts);
}

static int
visit_dict(PyObject *dict, int depth, Texts *texts)
{
    Py_ssize_t size = PyDict_Size(dict), at = 0, found = 0;
    PyObject **items = PyMem_New(PyObject *, 2 * size + 1), *key, *inner;
    PyObject *names = PyList_New(size);
    int done = items != NULL && names != NULL ? 1 : -1;

    /* Held, since what is allocated below may run the finalizer of anything. */
    while (done == 1 && found < size && PyDict_Next(dict, &at, &key, &inner)) {
        items[2 * found] = Py_NewRef(key);
        items[2 * found + 1] = Py_NewRef(inner);
        PyList_SetItem(names, found++, Py_NewRef(key));
        if (!Py_IS_TYPE(key, &PyUnicode_Type))
            done = 0;
    }
    if (done == 1) {
        done = add(texts->groups, texts->nameless, names);
        names = NULL;
    }
    for (Py_ssize_t place = found; done == 1 && place--;)
        done = visit_inner(items[2 * place], items[2 * place + 1], depth, texts);
    for (Py_ssize_t place = 0; place < 2 * found; place++)
        Py_DECREF(items[place]);
    PyMem_Free(items);
    Py_XDECREF(names);
    return done;
}

static int
visit_list(PyObject *name, PyObject *list, int depth, Texts *texts)
{
    PyObject *items = PySequence_List(list); /* a list of our own: nobody else changes it */
    if (items == NULL || PyList_Reverse(items) < 0) {
        Py_XDECREF(items);
        return -1;
    }
    Py_ssize_t size = PyList_Size(items);
    int is_text = 1, done = 1;
    for (Py_ssize_t at = 0; is_text && at < size; at++)
        is_text = Py_IS_TYPE(PyList_GetItem(items, at), &PyUnicode_Type);
    if (is_text)
        return add(texts->groups, name, items);
    for (Py_ssize_t at = 0; done == 1 && at < size; at++)
        done = visit_inner(name, PyList_GetItem(items, at), depth, texts);
    Py_DECREF(items);
    return done;
}

static int
visit(PyObject *name, PyObject *value, int depth, Texts *texts)
{
    int is_dict = Py_IS_TYPE(value, &PyDict_Type);
    if (depth >= MAX_DEPTH || !(is_dict || is_list(value)))
        return 0;
    texts->left -= is_dict ? PyDict_Size(value) : length(value);
    if (texts->left < 0)
        return 0;
    return is_dict ? visit_dict(value, depth + 1, texts)
                   : visit_list(name, value, depth + 1, texts);
}

static PyObject *
walk_texts(PyObject *module, PyObject *args)
{
    PyObject *value, *name, *found = NULL;
    Texts texts = {0};

    if (!PyArg_ParseTuple(args, "OUnOO", &value, &name, &texts.left, &texts.least, &texts.most))
        return NULL;
    texts.groups = PyList_New(0);
    texts.numbers = PyList_New(0);
    texts.nameless = PyUnicode_FromStringAndSize(NULL, 0);
    int done = -1;
    if (texts.groups != NULL && texts.numbers != NULL && texts.nameless != NULL)
        done = visit(name, value, 0, &texts);
    if (done == 1)
        found = PyTuple_Pack(2, texts.groups, texts.numbers);
    else if (done == 0)
        found = Py_NewRef(Py_None);
    Py_XDECREF(texts.groups);
    Py_XDECREF(texts.numbers);
    Py_XDECREF(texts.nameless);
    return found;
}

static PyMethodDef methods[] = {
    {"measure", walk_measure, METH_VARARGS,
     "measure(value, max_depth, max_items): (depth, items, longest) of plain data within these."},
    {"texts", walk_texts, METH_VARARGS,
     "texts(value, name, max_items, least, most): (groups, numbers) of plain data, as of Texts."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_walk",
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__walk(void)
{
    return PyModuleDef_Init(&definition);
}
