; Which of the procedures in `names` GIMP 2.10 has; `install.py` defines that list.
(for-each
  (lambda (name)
    (display (string-append "listed " name
      (if (= (car (gimp-procedural-db-proc-exists name)) TRUE) " True " " False "))))
  names)
