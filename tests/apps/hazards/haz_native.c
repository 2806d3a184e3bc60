/* An extension that starts a thread of its own when it is imported, and needs it to answer. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static int asked, answered;

static void *answer(void *nothing)
{
    pthread_mutex_lock(&lock);
    for (;;) {
        while (answered == asked)
            pthread_cond_wait(&news, &lock);
        answered = asked;
        pthread_cond_broadcast(&news);
    }
    return nothing;
}

static PyObject *ask(PyObject *self, PyObject *nothing)
{
    struct timespec until;
    int told;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2;
    pthread_mutex_lock(&lock);
    asked++;
    pthread_cond_broadcast(&news);
    while (answered != asked && pthread_cond_timedwait(&news, &lock, &until) == 0)
        ;
    told = answered == asked;
    pthread_mutex_unlock(&lock);
    return PyBool_FromLong(told);
}

static PyMethodDef methods[] = {{"ask", ask, METH_NOARGS, "Whether its thread answers."}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "haz_native", NULL, -1, methods};

PyMODINIT_FUNC PyInit_haz_native(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, NULL) != 0)
        return PyErr_NoMemory();
    return PyModule_Create(&module);
}
