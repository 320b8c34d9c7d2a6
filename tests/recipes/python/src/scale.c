#include <Python.h>

#ifdef GRAMS
#define UNIT "g"
#else
#define UNIT "kg"
#endif

static PyObject *unit(PyObject *self, PyObject *args) {
    (void)self;
    (void)args;
    return PyUnicode_FromString(UNIT);
}

static PyMethodDef functions[] = {
    {"unit", unit, METH_NOARGS, "The unit of weight."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_scale", NULL, -1, functions,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scale(void) { return PyModule_Create(&definition); }
